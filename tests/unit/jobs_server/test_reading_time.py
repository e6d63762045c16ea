"""What slow readings cost their user."""

from uuid import UUID, uuid4

import pytest

from jobs_server.reading_time import SLOW_FOR_SECONDS, ReadingTime
from qserver.clock import FakeClock
from qserver.errors import InvalidCircuit, QuotaExceeded

ALICE, BOB = uuid4(), uuid4()
ALLOWANCE_SECONDS = 60.0


class Scene:
    def __init__(self, allowance_seconds: float = ALLOWANCE_SECONDS) -> None:
        self.clock = FakeClock()
        self.reading_time = ReadingTime(allowance_seconds=allowance_seconds, clock=self.clock)

    def read(self, seconds: float, *, user_id: UUID = ALICE, is_lost: bool = True) -> None:
        with self.reading_time.reading(user_id) as reading:
            self.clock.advance(seconds)
            reading.came_to_nothing = is_lost

    def fail(self, seconds: float) -> None:
        with self.reading_time.reading(ALICE):
            self.clock.advance(seconds)
            raise InvalidCircuit("too deep")

    def try_to_read(self, seconds: float) -> int:
        """Read, or give how many seconds to wait."""
        try:
            self.read(seconds)
        except QuotaExceeded as error:
            return error.limit.retry_after_seconds if error.limit else 0
        return 0


def test_who_has_lost_the_allowance_is_refused_until_it_is_forgiven() -> None:
    scene = Scene()
    scene.read(ALLOWANCE_SECONDS - 10.0)
    scene.read(11.0)

    with pytest.raises(QuotaExceeded) as caught:
        scene.read(0.0)

    limit = caught.value.limit
    assert limit is not None
    assert (limit.name, limit.value) == ("inspector_lost_seconds_per_hour", ALLOWANCE_SECONDS)
    assert "QSERVER_INSPECTOR_LOST_SECONDS_PER_HOUR" in caught.value.message
    scene.clock.advance(limit.retry_after_seconds)
    scene.read(0.0)


def test_who_is_refused_may_come_again_when_told() -> None:
    scene = Scene()
    scene.read(10 * ALLOWANCE_SECONDS)  # several at once pass it, as they began before it was lost

    with pytest.raises(QuotaExceeded) as caught:
        scene.read(0.0)

    assert caught.value.limit is not None
    scene.clock.advance(caught.value.limit.retry_after_seconds - 2)
    with pytest.raises(QuotaExceeded):
        scene.read(0.0)
    scene.clock.advance(2)
    scene.read(0.0)


def test_a_steady_stream_of_costly_circuits_is_held_to_the_allowance_an_hour() -> None:
    scene = Scene()
    lost_seconds = 0.0

    while scene.clock.monotonic_seconds() < 100 * 3600:
        wait_seconds = scene.try_to_read(10.0)
        lost_seconds += 0.0 if wait_seconds else 10.0
        scene.clock.advance(wait_seconds)

    assert lost_seconds <= 101 * ALLOWANCE_SECONDS + 10.0


def test_what_raises_came_to_nothing() -> None:
    scene = Scene()

    with pytest.raises(InvalidCircuit):
        scene.fail(ALLOWANCE_SECONDS)

    with pytest.raises(QuotaExceeded):
        scene.read(0.0)


def test_circuits_that_are_read_or_soon_refused_cost_nothing_however_many() -> None:
    scene = Scene()

    for _ in range(1000):
        scene.read(0.9)
        scene.read(9.0, is_lost=False)

    scene.read(0.0)


def test_each_user_has_an_account_of_their_own() -> None:
    scene = Scene()

    scene.read(ALLOWANCE_SECONDS)

    scene.read(0.0, user_id=BOB)
    assert not scene.reading_time.is_slow(BOB)


def test_where_nobody_is_known_nothing_is_refused() -> None:
    scene = Scene(allowance_seconds=0.0)

    for _ in range(100):
        scene.read(10.0)

    assert scene.reading_time.is_slow(ALICE)


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_user_is_slow_for_a_while_after_a_slow_reading(*, is_lost: bool) -> None:
    scene = Scene()
    scene.read(1.5, is_lost=is_lost)

    scene.clock.advance(SLOW_FOR_SECONDS - 1)
    is_slow_before = scene.reading_time.is_slow(ALICE)
    scene.clock.advance(1)

    assert is_slow_before
    assert not scene.reading_time.is_slow(ALICE)


@pytest.mark.parametrize("allowance_seconds", [ALLOWANCE_SECONDS, 0.0])
def test_even_accounts_are_closed(allowance_seconds: float) -> None:
    scene = Scene(allowance_seconds)
    for _ in range(1000):
        scene.read(2.0, user_id=uuid4())

    scene.clock.advance(3600)
    scene.read(2.0)

    assert list(scene.reading_time._accounts) == [ALICE]
