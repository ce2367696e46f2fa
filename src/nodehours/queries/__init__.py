"""One function a question, (connection, scope, …) → frozen rows. Reads only."""
