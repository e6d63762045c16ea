"""A Celery deployment and its client."""

import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from bench.meter import Part
from bench.peers.celery_application import RUN_CIRCUIT, create_application
from bench.peers.celery_results import CeleryResults
from bench.peers.celery_worker import BROKER_VARIABLE, DATABASE_VARIABLE
from bench.program import Program
from bench.tasks import Outcome, Task

_PUBLISHERS = 4
_TIMEOUT_SECONDS = 300


class CeleryParty:
    """A worker of two processes, and a client that reads results from the backend."""

    def __init__(self, broker_url: str, database_url: str) -> None:
        """Start the worker and wait until it serves. `database_url` is SQLAlchemy's, of an empty database."""
        environment = {BROKER_VARIABLE: broker_url, DATABASE_VARIABLE: database_url}
        self._worker = Program("bench.peers.celery_worker", **environment)
        self._application = create_application(broker_url, database_url)
        self._worker.wait_until(lambda: bool(self._application.control.ping(timeout=0.5)))
        self._application.backend.get_task_meta(str(uuid.uuid4()))  # makes the table, before anybody reads it
        self._results = CeleryResults(database_url)

    @property
    def parts(self) -> Sequence[Part]:
        """The worker with its processes."""
        return [Part("celery", self._worker.pid, below="celery pool")]

    def run(self, tasks: Sequence[Task], *, publishers: int = _PUBLISHERS) -> Sequence[Outcome]:
        """Publish all, from some threads, while results are read."""
        with ThreadPoolExecutor(publishers) as pool:
            futures = list(pool.map(self._publish, tasks))
        return [future.result(_TIMEOUT_SECONDS) for future in futures]

    def run_in_turns(self, tasks: Sequence[Task], *, clients: int) -> Sequence[Outcome]:
        """Have each of many clients publish a circuit and wait for its result before the next."""
        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(lambda task: self._publish(task).result(_TIMEOUT_SECONDS), tasks))

    def close(self) -> None:
        """Stop the worker."""
        self._results.close()
        self._application.close()
        self._worker.close()

    def _publish(self, task: Task) -> "Future[Outcome]":
        task_id = str(uuid.uuid4())
        self._application.tasks[RUN_CIRCUIT].apply_async(
            args=(task.source, task.shots, task.observables), task_id=task_id
        )
        return self._results.expect([task_id])[0]
