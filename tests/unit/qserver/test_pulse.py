"""The file by which a health check sees a service without a port."""

import os
from pathlib import Path

from structlog.testing import capture_logs

from qserver.pulse import Pulse


def test_each_beat_makes_the_file_young_again(tmp_path: Path) -> None:
    path = tmp_path / "pulse"
    pulse = Pulse(path)
    pulse.beat()
    os.utime(path, (0, 0))

    pulse.beat()

    assert path.stat().st_mtime > 0


def test_a_pulse_without_a_file_does_nothing() -> None:
    Pulse(None).beat()


def test_a_file_that_can_t_be_written_is_told_once(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path / "missing" / "pulse")

    with capture_logs() as logs:
        pulse.beat()
        pulse.beat()

    assert [entry["event"] for entry in logs] == ["pulse_not_written"]
