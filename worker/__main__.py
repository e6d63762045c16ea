"""Run jobs: `python -m worker`. SIGTERM and SIGINT drain; a second one gives running jobs back at once."""

import signal
import sys
from enum import StrEnum
from queue import Empty, SimpleQueue
from threading import Thread

from database import Database
from plugins.registry import PRELOADED_MODULES
from qserver.broker import connect
from qserver.collector import spare_what_is_loaded
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import Settings
from qserver.starting import run_service
from worker.service import Worker

_POLL_SECONDS = 0.1


class _Wish(StrEnum):
    """Why the worker is to end."""

    SIGNAL = "signal"  # somebody asked for it
    FAILURE = "failure"  # it can't go on


class _Wishes:
    """Wishes to end, from signal handlers and threads: putting into this queue is safe from both."""

    def __init__(self) -> None:
        """Listen from now on."""
        self._queue: SimpleQueue[_Wish] = SimpleQueue()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: self._queue.put(_Wish.SIGNAL))

    def tell_failure(self) -> None:
        """Wish for the end because the worker failed."""
        self._queue.put(_Wish.FAILURE)

    def wait(self) -> None:
        """Return with the first wish."""
        self._queue.get()

    def has_another(self, *, within_seconds: float) -> bool:
        """Tell whether another wish comes in time."""
        try:
            self._queue.get(timeout=within_seconds)
        except Empty:
            return False
        return True


def _stop(worker: Worker, wishes: _Wishes) -> None:
    """Stop in a thread of its own, so that a second signal is heard."""
    stopping = Thread(target=worker.stop, name="stop")
    stopping.start()
    while stopping.is_alive():
        if wishes.has_another(within_seconds=_POLL_SECONDS):
            worker.hurry()
    stopping.join()


def _run(settings: Settings) -> None:
    wishes = _Wishes()
    database = Database.open(settings.database)
    broker = connect(settings.broker)
    try:
        with Forkserver(preload=PRELOADED_MODULES) as forkserver:
            worker = Worker(settings, database, broker, forkserver, on_failure=wishes.tell_failure)
            worker.start()
            spare_what_is_loaded()
            wishes.wait()
            _stop(worker, wishes)
    finally:
        broker.close()
        database.close()
    if worker.has_failed:
        sys.exit(1)  # its log says why


if __name__ == "__main__":
    sys.exit(run_service("worker", _run))
