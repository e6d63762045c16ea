"""What standalone makes of the settings."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

from qserver.settings import AccessSettings, LeaseSettings, Settings
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


def test_networks_without_keys_are_known_to_jobs_server_by_http_too(tmp_path: Path) -> None:
    let_in = Settings(access=AccessSettings.model_validate({"auth": "required", "anonymous_from": "192.0.2.0/24"}))

    closed = standalone_settings(Settings(), options(tmp_path))
    opened = standalone_settings(let_in, options(tmp_path))

    assert closed.proxy.trusted_proxies == ()
    assert opened.proxy.trusted_proxies == (ip_network("127.0.0.1"),)
