"""What standalone makes of the settings."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from qserver.settings import LeaseSettings, RestApiSettings, Settings
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


def test_other_addresses_are_listened_on_by_both_doors(tmp_path: Path) -> None:
    settings = standalone_settings(Settings(), replace(options(tmp_path), host="192.0.2.1"))

    assert (settings.jobs_server.grpc_host, settings.rest_api.http_host) == ("192.0.2.1", "192.0.2.1")


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("127.0.0.1", set()),
        ("192.0.2.1", {"192.0.2.1"}),
        ("2001:db8::1", {"[2001:db8::1]"}),
        ("0.0.0.0", {socket.gethostname().lower(), f"{socket.gethostname().lower()}.local"}),  # noqa: S104
    ],
)
def test_it_answers_to_what_people_call_it(tmp_path: Path, host: str, names: set[str]) -> None:
    settings = standalone_settings(Settings(), replace(options(tmp_path), host=host))

    assert set(settings.rest_api.http_allowed_hosts) - set(RestApiSettings().http_allowed_hosts) == names
