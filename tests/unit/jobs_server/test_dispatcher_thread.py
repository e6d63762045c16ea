"""When the dispatcher works."""

import threading
from collections.abc import Iterator, Sequence
from uuid import UUID, uuid4

import pytest
import structlog

from database.changes import Change, ChangeKind, MemoryFeed
from jobs_server.dispatcher_thread import DispatcherThread
from jobs_server.metrics import Metrics
from qserver.errors import Unavailable

DEADLINE_SECONDS = 20


class FakeRounds:
    """Counts rounds; fails as often as it is told to."""

    def __init__(self) -> None:
        self.done = threading.Semaphore(0)
        self.faults: list[Exception] = []
        self.is_claim_needed = True
        self.has_backlog = False

    def run_once(self) -> bool:
        self.done.release()
        if self.faults:
            raise self.faults.pop(0)
        return self.has_backlog

    def needs_round(self, moved: Sequence[UUID]) -> bool:
        assert moved
        return self.is_claim_needed

    def wait_for_one(self) -> None:
        assert self.done.acquire(timeout=DEADLINE_SECONDS), "no round came"


@pytest.fixture
def rounds() -> FakeRounds:
    return FakeRounds()


@pytest.fixture
def feed() -> Iterator[MemoryFeed]:
    made = MemoryFeed()
    yield made
    made.close()


@pytest.fixture
def dispatcher(rounds: FakeRounds, feed: MemoryFeed) -> Iterator[DispatcherThread]:
    made = DispatcherThread(rounds, feed, Metrics(), poll_seconds=3600)
    yield made
    made.stop()


@pytest.mark.parametrize("kind", [ChangeKind.WORK, ChangeKind.JOBS, ChangeKind.RECONNECTED])
def test_a_change_is_answered_by_a_round(
    dispatcher: DispatcherThread, rounds: FakeRounds, feed: MemoryFeed, kind: ChangeKind
) -> None:
    dispatcher.start()
    rounds.wait_for_one()

    feed.after_commit([Change(kind, (uuid4(),))])

    rounds.wait_for_one()


def test_a_claim_is_passed_over_where_it_makes_room_for_nobody(
    dispatcher: DispatcherThread, rounds: FakeRounds, feed: MemoryFeed
) -> None:
    dispatcher.start()
    rounds.wait_for_one()

    rounds.is_claim_needed = False
    feed.after_commit([Change(ChangeKind.JOBS, (uuid4(),)), Change(ChangeKind.WORK)])
    rounds.wait_for_one()

    assert not rounds.done.acquire(blocking=False)


@pytest.mark.parametrize(("has_backlog", "kind"), [(True, ChangeKind.JOBS), (False, ChangeKind.WORK)])
def test_room_where_jobs_wait_and_jobs_where_none_did_are_answered_at_once(
    dispatcher: DispatcherThread,
    rounds: FakeRounds,
    feed: MemoryFeed,
    monkeypatch: pytest.MonkeyPatch,
    kind: ChangeKind,
    *,
    has_backlog: bool,
) -> None:
    monkeypatch.setattr("jobs_server.dispatcher_thread._OTHER_PAUSE_SECONDS", 3600)
    rounds.has_backlog = has_backlog
    dispatcher.start()
    rounds.wait_for_one()

    feed.after_commit([Change(kind, (uuid4(),))])

    rounds.wait_for_one()


def test_a_change_of_plugins_is_none_of_its_business(
    dispatcher: DispatcherThread, rounds: FakeRounds, feed: MemoryFeed
) -> None:
    dispatcher.start()
    rounds.wait_for_one()

    feed.after_commit([Change(ChangeKind.PLUGINS), Change(ChangeKind.WORK)])
    rounds.wait_for_one()

    assert not rounds.done.acquire(blocking=False)


def test_it_looks_now_and_then_though_nobody_tells(rounds: FakeRounds, feed: MemoryFeed) -> None:
    dispatcher = DispatcherThread(rounds, feed, Metrics(), poll_seconds=0.01)
    dispatcher.start()

    for _ in range(3):
        rounds.wait_for_one()

    dispatcher.stop()


def test_it_goes_on_after_a_neighbour_was_away_and_after_a_fault_of_its_own(
    dispatcher: DispatcherThread, rounds: FakeRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs_server.dispatcher_thread._FIRST_BACKOFF_SECONDS", 0.01)
    rounds.faults = [Unavailable("the broker is away"), ZeroDivisionError("a fault")]

    with structlog.testing.capture_logs() as logs:
        dispatcher.start()
        for _ in range(3):
            rounds.wait_for_one()
        dispatcher.stop()

    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("dispatcher_waits", "warning"),
        ("dispatcher_failed", "error"),
    ]


def test_stopping_is_safe_before_it_started_and_twice(dispatcher: DispatcherThread) -> None:
    dispatcher.stop()
    dispatcher.start()

    dispatcher.stop()
    dispatcher.stop()
