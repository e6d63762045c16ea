"""Migrations and the command that runs them, on SQLite."""

import runpy
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from database import Database, migrate
from database.engine import create_database_engine
from qserver.errors import QServerError
from tests.unit.database.conftest import sqlite_settings
from tests.unit.database.old_versions import check_keys_of_nobody_end


def run_command(command: str, url: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("QSERVER_DATABASE_URL", url)
    monkeypatch.setattr(sys, "argv", ["database", command])
    with pytest.raises(SystemExit) as ending:
        runpy.run_module("database", run_name="__main__")
    return int(ending.value.code or 0)


def test_the_tables_are_those_of_the_models(database: Database) -> None:
    migrate.check(database._engine)


def test_a_difference_is_named(database: Database) -> None:
    with database._engine.begin() as connection:
        connection.execute(text("DROP TABLE api_keys"))

    with pytest.raises(QServerError, match="api_keys"):
        migrate.check(database._engine)


def test_a_migration_can_be_taken_back(tmp_path: Path) -> None:
    engine = create_database_engine(sqlite_settings(tmp_path / "qserver.db"))
    migrate.upgrade(engine)

    migrate.downgrade(engine)

    assert migrate.current(engine) is None
    engine.dispose()


def test_an_upgrade_ends_the_keys_of_who_stands_for_requests_without_one(database: Database) -> None:
    check_keys_of_nobody_end(database)


def test_the_command_upgrades_checks_and_names_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/qserver.db"

    codes = [run_command(command, url, monkeypatch) for command in ("current", "upgrade", "current", "check")]

    assert codes == [0, 0, 0, 0]
    assert capsys.readouterr().out.splitlines() == [
        "there are no tables",
        "the tables are at the newest version",
        "0008",
        "the tables are those of the models",
    ]


def test_the_command_fails_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run_command("check", f"sqlite:///{tmp_path}/qserver.db", monkeypatch)

    assert code == 1
    assert "Target database is not up to date" in capsys.readouterr().err


def test_tables_of_a_newer_program_are_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/qserver.db"
    run_command("upgrade", url, monkeypatch)
    engine = create_database_engine(sqlite_settings(tmp_path / "qserver.db"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    assert run_command("upgrade", url, monkeypatch) == 1
    assert "version 9999, which this program doesn't know" in capsys.readouterr().err
