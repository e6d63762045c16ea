"""Calls that are answered together."""

import asyncio
from collections.abc import Sequence

import pytest

from qserver.batching import Batcher
from qserver.errors import Unavailable
from tests.waiting import until


class Recorder:
    """Work that doubles numbers, remembers its batches, and waits at a gate."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None

    async def double(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return [2 * item for item in items]


async def test_calls_of_one_moment_share_a_batch() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.double, delay_seconds=0, max_items=100)

    answers = await asyncio.gather(batcher.submit([1, 2]), batcher.submit([]), batcher.submit([3]))

    assert [*answers] == [[2, 4], [], [6]]
    assert recorder.batches == [[1, 2, 3]]


async def test_what_arrives_while_a_batch_is_at_work_makes_up_the_next() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.double, delay_seconds=0, max_items=100)
    recorder.gate.clear()
    first = asyncio.create_task(batcher.submit([1]))
    await until(lambda: bool(recorder.batches))

    rest = [asyncio.create_task(batcher.submit([number])) for number in (2, 3)]
    await asyncio.sleep(0)
    recorder.gate.set()
    await asyncio.gather(first, *rest)

    assert recorder.batches == [[1], [2, 3]]


async def test_a_batch_has_at_most_so_many_items_and_a_larger_call_travels_alone() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.double, delay_seconds=0, max_items=2)

    await asyncio.gather(*(batcher.submit(items) for items in ([1], [2, 3, 4], [5], [6], [7])))

    assert recorder.batches == [[1], [2, 3, 4], [5, 6], [7]]


async def test_a_batch_has_at_most_so_many_bytes_and_a_larger_call_travels_alone() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.double, delay_seconds=0, max_items=100, size_bytes=lambda item: item, max_bytes=10)

    await asyncio.gather(*(batcher.submit(items) for items in ([4], [6], [1], [5, 6], [9], [1])))

    assert recorder.batches == [[4, 6], [1], [5, 6], [9, 1]]


async def test_a_fault_reaches_every_caller_of_its_batch_and_no_other() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.double, delay_seconds=0, max_items=100)
    recorder.fault = Unavailable("away")

    failed = await asyncio.gather(batcher.submit([1]), batcher.submit([2]), return_exceptions=True)
    recorder.fault = None

    assert [str(error) for error in failed] == ["away", "away"]
    assert await batcher.submit([3]) == [6]


async def test_a_caller_that_went_away_is_left_out() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.double, delay_seconds=0, max_items=100)
    gone = asyncio.create_task(batcher.submit([1]))
    await asyncio.sleep(0)

    gone.cancel()
    answer = await batcher.submit([2])

    assert answer == [4]
    assert recorder.batches == [[2]]
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_draining_waits_for_every_answer() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.double, delay_seconds=0, max_items=1)
    calls = [asyncio.create_task(batcher.submit([number])) for number in range(3)]
    await asyncio.sleep(0)

    await batcher.drain()

    assert len(recorder.batches) == 3
    assert await asyncio.gather(*calls) == [[0], [2], [4]]
