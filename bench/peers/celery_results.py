"""Results of Celery tasks, read from the backend's table for all that wait at once.

Celery's own `get` asks by a connection and a statement for each task and look; a client that reads thousands does this.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from itertools import islice
from threading import Condition, Thread

from celery.backends.database.models import Task as StoredTask
from sqlalchemy import create_engine, select

from bench.tasks import Outcome

_LOOKED_FOR = 256
"""Tasks that one statement asks for: they end about in the order in which they began."""
_LOOK_AGAIN_SECONDS = 0.003
_SHARE_OF_TIME = 0.1
"""Looking takes no more of Postgres' time than this."""
_FINAL = ("SUCCESS", "FAILURE")


class CeleryResults:
    """Waits for tasks in a thread of its own, by one connection."""

    def __init__(self, database_url: str) -> None:
        """Connect when somebody first waits."""
        self._engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
        self._waiting: dict[str, Future[Outcome]] = {}
        self._changed = Condition()
        self._is_closed = False
        self._thread = Thread(target=self._serve, name="celery-results", daemon=True)
        self._thread.start()

    def expect(self, task_ids: Iterable[str]) -> Sequence["Future[Outcome]"]:
        """Give what will hold the outcomes, in order."""
        futures: dict[str, Future[Outcome]] = {task_id: Future() for task_id in task_ids}
        with self._changed:
            self._waiting.update(futures)
            self._changed.notify()
        return list(futures.values())

    def close(self) -> None:
        """Look no more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()
        self._engine.dispose()

    def _serve(self) -> None:
        tasks = StoredTask.__table__.c
        finished = select(tasks.task_id, tasks.status, tasks.result).where(tasks.status.in_(_FINAL))
        with self._engine.connect() as connection:
            while task_ids := self._waited_for():
                started_at = time.perf_counter()
                for task_id, status, result in connection.execute(finished.where(tasks.task_id.in_(task_ids))):
                    self._settle(task_id, status, result)
                seconds = time.perf_counter() - started_at
                time.sleep(max(_LOOK_AGAIN_SECONDS, seconds / _SHARE_OF_TIME))

    def _waited_for(self) -> Sequence[str]:
        """Wait until somebody waits; gives nothing once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            return () if self._is_closed else list(islice(self._waiting, _LOOKED_FOR))

    def _settle(self, task_id: str, status: str, result: Mapping[str, object]) -> None:
        with self._changed:
            future = self._waiting.pop(task_id)
        if status == "SUCCESS":
            future.set_result(Outcome(**result))  # type: ignore[arg-type]  # run_circuit's words
        else:
            future.set_exception(RuntimeError(f"a Celery task failed: {result}"))
