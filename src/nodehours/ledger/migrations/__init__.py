"""The schema's history: one plain SQL file a revision, run by Alembic."""

from importlib.resources import files


def run_sql(name: str) -> None:
    """Run the SQL file *name* of ``versions/`` as it stands, inside the migration's transaction."""
    # Imported here: the names of the files are asked for without Alembic.
    from alembic import op

    sql = files(__package__).joinpath("versions", name).read_text(encoding="utf-8")
    # Straight to the driver: SQLAlchemy would read every % of the SQL as a parameter.
    op.get_bind().connection.cursor().execute(sql)
