"""Since when a reader's answers are what they are."""

from nodehours.ledger.migrations import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Keep the newest revision of each allocation and user, and when a user's rights last changed."""
    run_sql("0003_changes_seen.sql")
