"""The demo: an invented centre, ready to look at."""
