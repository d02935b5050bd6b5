"""Brings a database of any earlier version to the newest schema, with Alembic but without its command line or files.

Alembic costs a fifth of a second to import, which a server that starts would feel. So a database that is current is
recognised without it, and an empty one gets the newest tables at once; a test keeps both ways equal.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from switchhook.core.errors import Unavailable
from switchhook.stores.schema import HEAD, metadata, speak_postgresql

FOLDER = Path(__file__).parent


def current(connection: Connection) -> str:
    """Returns the revision of a database, or an empty text for one without our tables."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def upgrade(engine: Engine, to: str = HEAD) -> str:
    """Migrates to a revision and returns the one it started from; all or nothing.

    Raises Unavailable when the database was written by a newer Switchhook, or holds somebody else's tables.
    """
    if engine.dialect.name == "postgresql":
        speak_postgresql()
    with engine.begin() as connection:
        found = current(connection)
        if found == to:
            return found
        if not found and set(inspect(connection).get_table_names()) & set(metadata.tables):
            raise Unavailable(f"{_name(connection)} has tables that are not Switchhook's")
        if not found and to == HEAD:
            _create(connection)
        else:
            migrate(connection, found, to)
    return found


def _create(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})


def migrate(connection: Connection, found: str, to: str) -> None:
    """Runs the steps between two revisions inside the connection's transaction."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    scripts = ScriptDirectory(str(FOLDER))
    try:
        steps = scripts._upgrade_revs(to, found or None)  # type: ignore[arg-type]
    except CommandError:
        text = f"was written by a newer Switchhook (schema {found}; this one knows {to})"
        raise Unavailable(f"{_name(connection)} {text}") from None
    context = EnvironmentContext(Config(), scripts, fn=lambda *_: steps)
    context.configure(connection=connection, transactional_ddl=True)
    context.run_migrations()


def _name(connection: Connection) -> str:
    return connection.engine.url.database or str(connection.engine.url)
