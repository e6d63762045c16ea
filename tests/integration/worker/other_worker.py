"""A worker in a process of its own: `python other_worker.py URL JOB_ID...` runs these jobs until it is killed."""

import sys
from threading import Event
from uuid import UUID

from database import Database
from plugins.registry import Registry
from qserver.broker.interface import Hint
from qserver.broker.memory import MemoryBroker
from qserver.logs import configure_logs
from qserver.sandbox.forkserver import Forkserver
from tests.unit.worker.fake_plugin import ENTRY, FakePlugin
from tests.unit.worker.house import worker_settings
from worker.program import Program
from worker.service import Worker

LEASE_SECONDS = 2.0
"""So short because the tests wait for its end."""


def main() -> None:
    url, *job_ids = sys.argv[1:]
    settings = worker_settings(url, lease_seconds=LEASE_SECONDS)
    configure_logs("worker", settings.logs)
    broker = MemoryBroker()
    broker.publisher().publish([Hint("cpu", (UUID(job_id),)) for job_id in job_ids])
    with Forkserver(["tests.unit.worker.fake_plugin"]) as forkserver:
        program = Program(Registry([FakePlugin()]), entry=ENTRY)
        Worker(settings, Database.open(settings.database), broker, forkserver, program=program).start()
        Event().wait()


if __name__ == "__main__":
    main()
