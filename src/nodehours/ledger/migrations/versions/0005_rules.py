"""By which rule jobs became node-seconds, and how far a source was read."""

from nodehours.ledger.migrations import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Keep the rule of each day, the rules and time zone of each resource, and bookmarks."""
    run_sql("0005_rules.sql")
