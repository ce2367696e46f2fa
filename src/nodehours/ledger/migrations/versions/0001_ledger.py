"""The ledger's first schema."""

from nodehours.ledger.migrations import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the schema."""
    run_sql("0001_ledger.sql")
