"""Roles of Postgres: who owns the tables, who works on their rows, who may do only what running jobs needs.

The tables belong to whoever migrates. Services get a lesser role that changes rows and no table; workers on other
machines one that sees no users, keys, or addresses of clients. All of it is granted anew with each migration.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine

from database.tables import METADATA
from qserver.errors import SettingsError
from qserver.passwords import weakness
from qserver.settings import RoleSettings

_MIGRATIONS_TABLE: Final = "alembic_version"
_ALL: Final = "SELECT, INSERT, UPDATE, DELETE"

WORKER_RIGHTS: Final[Mapping[str, str]] = {
    "backends": "SELECT",
    "circuits": "SELECT",
    "history": "INSERT",
    "job_events": "INSERT",
    "job_noise_models": "SELECT",
    "jobs": "SELECT, UPDATE",
    "noise_models": "SELECT",
    "plugins": "SELECT",
    "pub_values": "SELECT",
    "pubs": "SELECT",
    "result_arrays": _ALL,
    "results": _ALL,
    "workers": _ALL,
}
"""What a worker does to each table. Nothing else: no users, api_keys, submissions, dispatch_turns."""


@dataclass(frozen=True, slots=True)
class _Role:
    name: str
    password: str
    rights: Mapping[str, str]


def check_roles(settings: RoleSettings, *, owner: str) -> None:
    """Look before anything is changed. Raises SettingsError naming each fault, never a password."""
    faults = [
        *_faults("SERVICE_ROLE", settings.service_role, settings.service_role_password.get_secret_value(), owner),
        *_faults("WORKER_ROLE", settings.worker_role, settings.worker_role_password.get_secret_value(), owner),
    ]
    if settings.service_role and settings.service_role == settings.worker_role:
        faults.append("QSERVER_SERVICE_ROLE and QSERVER_WORKER_ROLE are the same name")
    if faults:
        raise SettingsError("; ".join(faults))


def grant_roles(engine: Engine, settings: RoleSettings) -> tuple[str, ...]:
    """Make the roles that are named, or bring them to what they should be; gives their names. Safe to repeat."""
    tables = [*METADATA.tables]
    services = dict.fromkeys(tables, _ALL) | {_MIGRATIONS_TABLE: "SELECT"}
    wanted = (
        _Role(settings.service_role, settings.service_role_password.get_secret_value(), services),
        _Role(settings.worker_role, settings.worker_role_password.get_secret_value(), WORKER_RIGHTS),
    )
    roles = [role for role in wanted if role.name]
    if engine.dialect.name != "postgresql" or not roles:
        return ()
    with engine.begin() as connection:
        _close_to_others(connection)
        for role in roles:
            _make(connection, role)
            _grant(connection, role)
    return tuple(role.name for role in roles)


def _faults(variable: str, name: str, password: str, owner: str) -> list[str]:
    if not name:
        return []
    if name == owner:
        return [f"QSERVER_{variable} is {name}, who owns the tables; a role that works on rows needs another name"]
    fault = weakness(password, user=name)
    return [f"QSERVER_{variable}_PASSWORD {fault}"] if fault else []


def _execute(connection: Connection, statement: sql.Composed) -> None:
    """Run a statement made of names: they can't be parameters, so psycopg quotes them."""
    raw = cast("psycopg.Connection", connection.connection.driver_connection)
    connection.exec_driver_sql(statement.as_string(raw))


def _close_to_others(connection: Connection) -> None:
    """Take away what Postgres lets everybody do who may log in."""
    database = sql.Identifier(str(connection.exec_driver_sql("SELECT current_database()").scalar_one()))
    _execute(connection, sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    _execute(connection, sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC").format())


def _make(connection: Connection, role: _Role) -> None:
    known = connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = $1", (role.name,)).scalar()
    name = sql.Identifier(role.name)
    if known is None:
        _execute(connection, sql.SQL("CREATE ROLE {}").format(name))
    raw = cast("psycopg.Connection", connection.connection.driver_connection)
    # Encrypted here: the password itself never stands in a statement, which the server may log.
    secret = raw.pgconn.encrypt_password(role.password.encode(), role.name.encode(), b"scram-sha-256").decode()
    rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD"
    _execute(connection, sql.SQL("ALTER ROLE {} {} {}").format(name, sql.SQL(rights), sql.Literal(secret)))


def _grant(connection: Connection, role: _Role) -> None:
    name = sql.Identifier(role.name)
    database = sql.Identifier(str(connection.exec_driver_sql("SELECT current_database()").scalar_one()))
    for statement in (
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}",
        "REVOKE ALL ON SCHEMA public FROM {role}",
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    ):
        _execute(connection, sql.SQL(statement).format(role=name, database=database))
    for table, rights in role.rights.items():
        grant = sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(rights), sql.Identifier(table), name)
        _execute(connection, grant)
