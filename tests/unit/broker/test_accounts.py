"""The user of workers on other machines: what is refused before RabbitMQ is asked."""

import os
import subprocess
import sys

import pytest
from pydantic import SecretStr

from qserver.broker.accounts import Management, ensure_worker_account
from qserver.errors import SettingsError
from qserver.settings import BrokerAccountSettings

PASSWORD = "correct-horse-battery"  # noqa: S105 - of nobody


def test_who_administers_is_never_made_a_worker() -> None:
    management = Management("http://127.0.0.1:1", user="qserver", password=PASSWORD)
    same = BrokerAccountSettings(broker_worker_user="qserver", broker_worker_password=SecretStr(PASSWORD))

    with pytest.raises(SettingsError, match="qserver, who administers RabbitMQ"):
        ensure_worker_account(management, same, virtual_host="/")


def test_a_wrong_setting_is_named_without_what_it_is() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "qserver.broker.accounts"],
        env={**os.environ, "QSERVER_BROKER_HEARTBEAT_SECONDS": "a-secret-in-the-wrong-place"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert answer.returncode == 1
    assert answer.stderr.startswith("broker accounts: wrong settings: QSERVER_BROKER_HEARTBEAT_SECONDS")
    assert "a-secret" not in answer.stderr
