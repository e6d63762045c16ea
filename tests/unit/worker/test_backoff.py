from threading import Event

import pytest

from qserver.errors import Unavailable
from worker.backoff import Backoff, until_answered

AT_ONCE = Backoff(first_seconds=0.0)


class Neighbour:
    """Answers after a number of failures."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def ask(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise Unavailable("away")
        return "answer"


def test_waits_double_up_to_a_limit() -> None:
    backoff = Backoff(first_seconds=1.0, longest_seconds=5.0, jitter=lambda: 1.0)

    assert [backoff.seconds(failures) for failures in (1, 2, 3, 4, 5000)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_half_of_a_wait_is_left_to_chance() -> None:
    assert Backoff(first_seconds=1.0, jitter=lambda: 0.0).seconds(1) == 0.5


def test_a_neighbour_is_asked_until_it_answers() -> None:
    neighbour = Neighbour(failures=3)

    answer = until_answered(neighbour.ask, given_up=Event(), backoff=AT_ONCE)

    assert (answer, neighbour.calls) == ("answer", 4)


def test_a_neighbour_is_not_asked_once_the_caller_has_given_up() -> None:
    given_up = Event()
    given_up.set()
    neighbour = Neighbour(failures=0)

    assert until_answered(neighbour.ask, given_up=given_up, backoff=AT_ONCE) is None
    assert neighbour.calls == 0


def test_other_errors_are_not_asked_away() -> None:
    def fail() -> str:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        until_answered(fail, given_up=Event(), backoff=AT_ONCE)
