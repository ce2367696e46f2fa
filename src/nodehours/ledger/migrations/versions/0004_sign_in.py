"""How people sign in to the dashboard."""

from nodehours.ledger.migrations import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Keep passwords, sessions, links, logins of providers and failed attempts; and which mails were sent."""
    run_sql("0004_sign_in.sql")
