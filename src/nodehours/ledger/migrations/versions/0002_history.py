"""Former values, runs, closed months, pending restatements and quarantine."""

from nodehours.ledger.migrations import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables, and remember what holds now as the first known version."""
    run_sql("0002_history.sql")
