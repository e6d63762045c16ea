"""The threads of a worker."""

from threading import Event

from structlog.testing import capture_logs

from tests.waiting import wait_until
from worker.supervision import Crew


def test_the_first_thread_that_fails_is_told_once_and_with_its_trace() -> None:
    told: list[str] = []
    crew = Crew(lambda: told.append("failed"))

    def fail() -> None:
        raise ValueError("a bug")

    with capture_logs() as logs:
        crew.start("one", fail)
        crew.start("two", fail)
        assert crew.join("", timeout_seconds=10.0)

    assert crew.has_failed
    assert told == ["failed"]
    assert [(entry["event"], entry["exc_info"]) for entry in logs] == [("thread_failed", True)] * 2


def test_joining_a_thread_that_runs_on_has_a_limit() -> None:
    crew = Crew(lambda: None)
    go = Event()
    crew.start("one", lambda: wait_until(go.is_set))

    assert not crew.join("one", timeout_seconds=0.01)
    go.set()
    assert crew.join("one", timeout_seconds=10.0)
