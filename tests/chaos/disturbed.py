"""Run a service as `python -m MODULE` does, disturbed: `python -m tests.chaos.disturbed [--clock S] [--twice] MODULE`.

With `--clock` the wall clock of this process is wrong by so much; with `--twice` every hint is sent to RabbitMQ twice.
"""

import argparse
import runpy
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast


def shift_clock(seconds: float) -> None:
    """Put the wall clock wrong wherever services look at it. Clocks that only count on are right on any machine."""
    from qserver.clock import SystemClock  # noqa: PLC0415 - not before its time: services choose what they import

    real_time, real_nanoseconds = time.time, time.time_ns
    time.time = lambda: real_time() + seconds
    time.time_ns = lambda: real_nanoseconds() + int(seconds * 1_000_000_000)

    def now(_clock: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=seconds)

    setattr(SystemClock, "now", now)  # noqa: B010 - mypy forbids the plain way


def publish_twice() -> None:
    """Send every hint once more when the broker has confirmed it."""
    from qserver.broker.interface import Hint  # noqa: PLC0415
    from qserver.broker.publisher import RabbitMQPublisher  # noqa: PLC0415

    publish = RabbitMQPublisher.publish

    def twice(publisher: RabbitMQPublisher, hints: Sequence[Hint]) -> None:
        publish(publisher, hints)
        publish(publisher, hints)

    setattr(RabbitMQPublisher, "publish", twice)  # noqa: B010 - mypy forbids the plain way


def main() -> None:
    """Disturb what was asked for, and become the service."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clock", type=float, default=0.0)
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("module")
    wanted = parser.parse_args()
    if wanted.clock:
        shift_clock(wanted.clock)
    if wanted.twice:
        publish_twice()
    sys.argv = [cast("str", wanted.module)]
    runpy.run_module(wanted.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
