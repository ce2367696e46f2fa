"""The world read into terms, one module a source. Knows no database."""
