"""Work done once for all who want it."""

import asyncio

import pytest

from jobs_server.shared_work import SharedWork
from qserver.errors import InvalidCircuit
from tests.waiting import PATIENCE_SECONDS, until


class Work:
    """Counts how often it is done; waits until it is let go."""

    def __init__(self) -> None:
        self.times = 0
        self.cancelled = 0
        self.go = asyncio.Event()

    async def __call__(self) -> int:
        self.times += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.times


class SlowToEnd(Work):
    """Ends a while after it was cancelled, like an inspector that is at work."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = asyncio.Event()

    async def __call__(self) -> int:
        try:
            return await super().__call__()
        finally:
            await asyncio.wait_for(self.may_end.wait(), PATIENCE_SECONDS)  # or a failing test would never end


async def test_callers_of_one_key_share_the_work_and_later_ones_do_it_again() -> None:
    shared: SharedWork[str, int] = SharedWork()
    work = Work()
    work.go.set()

    together = await asyncio.gather(*(shared.do("a", work) for _ in range(10)))
    later = await shared.do("a", work)

    assert (together, later) == ([1] * 10, 2)


async def test_one_who_goes_away_takes_the_work_from_no_other() -> None:
    shared: SharedWork[str, int] = SharedWork()
    work = Work()
    first = asyncio.create_task(shared.do("a", work))
    second = asyncio.create_task(shared.do("a", work))
    await asyncio.sleep(0)

    first.cancel()
    await asyncio.sleep(0)
    work.go.set()

    assert await second == 1


async def test_work_that_nobody_waits_for_any_more_is_cancelled_and_begins_anew_for_who_comes_then() -> None:
    shared: SharedWork[str, int] = SharedWork()
    work = Work()
    callers = [asyncio.create_task(shared.do("a", work)) for _ in range(2)]
    await until(lambda: work.times == 1)

    for caller in callers:
        caller.cancel()
    await until(lambda: work.cancelled == 1)
    work.go.set()

    assert await shared.do("a", work) == 2


async def test_who_comes_while_cancelled_work_takes_its_time_to_end_is_not_cancelled_with_it() -> None:
    shared: SharedWork[str, int] = SharedWork()
    slow, other = SlowToEnd(), Work()
    first = asyncio.create_task(shared.do("a", slow))
    await until(lambda: slow.times == 1)
    first.cancel()
    await until(lambda: slow.cancelled == 1)

    second = asyncio.create_task(shared.do("a", other))
    await until(lambda: other.times == 1)
    slow.may_end.set()
    other.go.set()

    assert await second == 1


async def test_a_fault_reaches_all_and_is_not_kept() -> None:
    shared: SharedWork[str, int] = SharedWork()

    async def fail() -> int:
        raise InvalidCircuit("wrong")

    failed = await asyncio.gather(shared.do("a", fail), shared.do("a", fail), return_exceptions=True)

    assert [str(error) for error in failed] == ["wrong", "wrong"]
    with pytest.raises(InvalidCircuit):
        await shared.do("a", fail)
