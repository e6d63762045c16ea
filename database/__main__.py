"""Bring the tables to the newest version (upgrade), with roles (prepare); compare them (check), name it (current)."""

import sys
from argparse import ArgumentParser
from contextlib import closing

from sqlalchemy import Engine

from database import migrate
from database.admin_key import check_admin_key, store_admin_key
from database.database import Database
from database.engine import create_database_engine, parse_url
from database.faults import translated_errors
from database.roles import check_roles
from qserver.errors import QServerError
from qserver.settings import DatabaseSettings, RoleSettings, load_settings


def main() -> int:
    """Run the command; give the exit code."""
    parser = ArgumentParser(prog="python -m database", description=__doc__)
    parser.add_argument("command", choices=["upgrade", "prepare", "check", "current"])
    try:
        print(_run(parser.parse_args().command))  # noqa: T201 - a command line's answer
    except QServerError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _run(command: str) -> str:
    tree = load_settings()
    settings = tree.database
    if command == "upgrade":
        with closing(Database.open(settings)) as database:
            database.upgrade()
        return "the tables are at the newest version"
    if command == "prepare":
        return _prepare(settings, tree.roles, tree.access.admin_key.get_secret_value())
    engine = create_database_engine(settings)
    try:
        with translated_errors():
            return _look(command, engine)
    finally:
        engine.dispose()


def _prepare(settings: DatabaseSettings, roles: RoleSettings, admin_key: str) -> str:
    check_admin_key(admin_key)
    check_roles(roles, owner=parse_url(settings).username or "")
    with closing(Database.open(settings)) as database:
        database.upgrade()
        made = database.grant_roles(roles)
        has_new_key = store_admin_key(database, admin_key)
    told = "; the administrator's key is a new one" if has_new_key else ""
    return f"the tables are at the newest version; roles: {', '.join(made) or 'none'}{told}"


def _look(command: str, engine: Engine) -> str:
    if command == "current":
        return migrate.current(engine) or "there are no tables"
    migrate.check(engine)
    return "the tables are those of the models"


if __name__ == "__main__":
    sys.exit(main())
