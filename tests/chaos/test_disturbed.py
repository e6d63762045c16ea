"""Disturbed services are really disturbed: else the chaos would prove nothing."""

import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from qserver.broker import connect
from qserver.broker.interface import Hint
from qserver.broker.publisher import RabbitMQPublisher
from qserver.settings import BrokerSettings
from tests.chaos.disturbed import publish_twice

ROOT = Path(__file__).parents[2]
HOUR = 3600
TELL_THE_TIME = """
import time
from qserver.clock import SystemClock

print(time.time(), time.time_ns() / 1e9, SystemClock().now().timestamp())
"""


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_all_wall_clocks_of_a_service_are_wrong_by_the_same(tmp_path: Path, seconds: int) -> None:
    (tmp_path / "tells.py").write_text(TELL_THE_TIME)

    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.disturbed", "--clock", str(seconds), "tells"],
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    told = [float(word) for word in done.stdout.split()]
    assert len(told) == 3
    assert all(abs(moment - time.time() - seconds) < HOUR / 10 for moment in told)


def test_each_message_is_in_the_queue_twice(rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RabbitMQPublisher, "publish", RabbitMQPublisher.publish)  # taken back at the end
    publish_twice()
    broker = connect(BrokerSettings(broker_url=SecretStr(rabbitmq_url)))
    try:
        publisher = broker.publisher()
        publisher.publish([Hint("cpu", (uuid4(),))])

        assert publisher.waiting("cpu") == 2
    finally:
        broker.close()
