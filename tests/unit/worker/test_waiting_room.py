"""Who is woken by what."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import get_ident

import pytest

from tests.waiting import wait_until
from worker.waiting_room import WaitingRoom

SECONDS = 20.0


class Scene:
    """Threads that wait for numbers to be there."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.room = WaitingRoom()
        self.numbers: set[int] = set()
        self.order: list[str] = []
        self.looks: Counter[str] = Counter()
        """How often a thread looked itself."""
        self._executor = executor
        self._waiting = 0

    def wait(self, name: str, number: int, *, for_one: bool = False, seconds: float = SECONDS) -> "Future[bool]":
        """Begin to wait in a thread, and return once it does."""
        future = self._executor.submit(self._wait, name, number, for_one=for_one, seconds=seconds)
        self._waiting += 1
        wait_until(lambda: len(self.room._waiters) == self._waiting, timeout_seconds=SECONDS, what="it waits")
        return future

    def put(self, *numbers: int) -> None:
        with self.room:
            self.numbers.update(numbers)
            self.room.notify()

    def _wait(self, name: str, number: int, *, for_one: bool, seconds: float) -> bool:
        own = get_ident()

        def is_met() -> bool:
            self.looks[name] += get_ident() == own
            return number in self.numbers

        with self.room:
            is_there = self.room.wait_for(is_met, seconds, for_one_of=number if for_one else None)
            self._waiting -= 1
            self.order.append(name)
            return is_there


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ThreadPoolExecutor(4) as executor:
        made = Scene(executor)
        yield made
        with made.room:
            made.numbers.update(range(9))
            made.room.notify_all()


def test_what_is_there_is_not_waited_for(scene: Scene) -> None:
    scene.put(1)

    with scene.room:
        assert scene.room.wait_for(lambda: 1 in scene.numbers, 0)
        assert not scene.room.wait_for(lambda: 2 in scene.numbers, 0.01)


def test_those_are_woken_who_wait_for_what_came(scene: Scene) -> None:
    other, first, second = scene.wait("other", 2), scene.wait("first", 1), scene.wait("second", 1)
    looks_before = scene.looks["other"]

    scene.put(1)

    assert first.result(SECONDS)
    assert second.result(SECONDS)
    assert not other.done()
    assert scene.looks["other"] == looks_before


def test_of_those_who_wait_for_one_the_last_to_come_is_woken_alone(scene: Scene) -> None:
    first, last = scene.wait("first", 1, for_one=True), scene.wait("last", 1, for_one=True)

    scene.put(1)
    assert last.result(SECONDS)
    assert scene.order == ["last"]
    scene.put()

    assert first.result(SECONDS)


def test_everybody_is_woken_when_all_is_over(scene: Scene) -> None:
    waiting = [scene.wait(name, 1, for_one=True) for name in ("first", "second", "third")]

    with scene.room:
        scene.numbers.add(1)
        scene.room.notify_all()

    assert [each.result(SECONDS) for each in waiting] == [True, True, True]
