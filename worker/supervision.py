"""Threads that take the worker down in order when they fail, instead of leaving it half dead."""

import time
from collections.abc import Callable
from threading import Event, Thread

import structlog

log = structlog.get_logger(__name__)


class Crew:
    """The threads of a worker. The first that raises is the worker's failure."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        """Call `on_failure` once, from the thread that failed first."""
        self._on_failure = on_failure
        self._threads: list[Thread] = []
        self._failed = Event()

    @property
    def has_failed(self) -> bool:
        """Whether any thread ended by an exception."""
        return self._failed.is_set()

    def start(self, name: str, target: Callable[[], None]) -> None:
        """Run `target` in a thread of its own."""
        thread = Thread(target=self._guard, args=(name, target), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, prefix: str, *, timeout_seconds: float) -> bool:
        """Wait for the threads whose names begin with `prefix` to end. False where one still runs after that time."""
        deadline = time.monotonic() + timeout_seconds
        threads = [thread for thread in self._threads if thread.name.startswith(prefix)]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _guard(self, name: str, target: Callable[[], None]) -> None:
        try:
            target()
        except BaseException:
            log.exception("thread_failed", thread=name)
            if not self._failed.is_set():
                self._failed.set()
                self._on_failure()
