"""What standalone makes of the settings."""

from pathlib import Path

from qserver.settings import LeaseSettings, Settings
from standalone.options import Options
from standalone.server import standalone_settings

NIGHT_SECONDS = 12 * 3600.0


def options(folder: Path) -> Options:
    return Options("up", grpc_port=0, http_port=0, data_folder=folder)


def test_a_running_job_outlives_a_night_in_which_the_machine_sleeps(tmp_path: Path) -> None:
    settings = standalone_settings(Settings(), options(tmp_path))

    assert settings.lease.lease_seconds > NIGHT_SECONDS


def test_a_lease_that_somebody_chose_is_kept(tmp_path: Path) -> None:
    chosen = Settings(lease=LeaseSettings(lease_seconds=60.0))

    settings = standalone_settings(chosen, options(tmp_path))

    assert settings.lease.lease_seconds == 60.0
