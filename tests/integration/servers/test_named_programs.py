"""Servers of other versions than the installed ones, named in the environment."""

from pathlib import Path

import pytest

from tests.servers.postgres import BINARIES_VARIABLE, find_binaries
from tests.servers.rabbitmq import PROGRAM_VARIABLE, find_server


def test_the_named_postgres_is_taken_whatever_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for program in ("initdb", "postgres"):
        (tmp_path / program).touch()
    monkeypatch.setenv(BINARIES_VARIABLE, str(tmp_path))

    assert find_binaries() == tmp_path


def test_a_named_folder_without_postgres_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "initdb").touch()
    monkeypatch.setenv(BINARIES_VARIABLE, str(tmp_path))

    with pytest.raises(FileNotFoundError, match=f"{tmp_path} has no postgres .*{BINARIES_VARIABLE}"):
        find_binaries()


def test_the_named_rabbitmq_is_taken_whatever_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for program in ("epmd", "rabbitmq-server"):
        (tmp_path / program).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(PROGRAM_VARIABLE, str(tmp_path / "rabbitmq-server"))

    assert find_server() == tmp_path / "rabbitmq-server"


def test_a_named_rabbitmq_that_is_not_there_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(PROGRAM_VARIABLE, str(tmp_path / "absent"))

    with pytest.raises(FileNotFoundError, match=f"absent .*{PROGRAM_VARIABLE}"):
        find_server()


def test_a_named_rabbitmq_without_a_port_mapper_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "rabbitmq-server").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(PROGRAM_VARIABLE, str(tmp_path / "rabbitmq-server"))

    with pytest.raises(FileNotFoundError, match="epmd"):
        find_server()
