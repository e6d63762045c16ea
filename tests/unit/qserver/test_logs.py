"""Logs: one event a line; JSON on request and always in files."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from qserver.errors import SettingsError
from qserver.logs import _OwnFile, configure_logs
from qserver.settings import LogSettings


@pytest.fixture(autouse=True)
def _restored_logs() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_an_event_is_a_line_of_json_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("worker", LogSettings(log_format="json"))

    structlog.get_logger("worker.test").info("job_claimed", job_id="1")

    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["job_id"], event["service"], event["level"]) == (
        "job_claimed",
        "1",
        "worker",
        "info",
    )


def test_a_library_speaks_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("worker", LogSettings(log_format="json"))

    logging.getLogger("some.library").warning("low on %s", "disk")

    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["logger"]) == ("low on disk", "some.library")


def test_files_are_json_whatever_the_console_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("janitor", LogSettings(log_format="console", log_folder=tmp_path / "logs"))

    structlog.get_logger("janitor.test").info("pass_finished", removed=3)

    assert "pass_finished" in capsys.readouterr().out
    assert json.loads((tmp_path / "logs" / "janitor.log").read_text())["removed"] == 3


def test_configuring_twice_writes_each_event_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("worker", LogSettings(log_format="json"))
    configure_logs("worker", LogSettings(log_format="json"))

    structlog.get_logger("worker.test").info("once")

    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_folder_that_can_t_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match=r"can't write logs to .*file \(QSERVER_LOG_FOLDER\)"):
        configure_logs("worker", LogSettings(log_folder=tmp_path / "file"))


def test_a_second_process_of_a_service_writes_a_file_of_its_own(tmp_path: Path) -> None:
    first, second, third = (_OwnFile("worker", tmp_path) for _ in range(3))
    second.close()

    again = _OwnFile("worker", tmp_path)

    names = [Path(handler.baseFilename).name for handler in (first, again, third)]
    assert names == ["worker.log", "worker-2.log", "worker-3.log"]
    for handler in (first, again, third):
        handler.close()
