"""The store: PostgreSQL, its schema, who and what exists, and postings. The only room that writes."""
