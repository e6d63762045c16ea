"""What is large is looked at beside the event loop, one piece at a time."""

import asyncio
import threading
from uuid import uuid4

import pytest

from jobs_server.large_work import QUICK_BYTES, LargeWork
from qserver.errors import InvalidRequest

ADA, BOB = uuid4(), uuid4()
LARGE = QUICK_BYTES + 1


async def test_what_is_small_is_done_at_once() -> None:
    assert await LargeWork().do(ADA, QUICK_BYTES, threading.get_ident) == threading.get_ident()


async def test_what_is_large_is_done_in_a_thread() -> None:
    assert await LargeWork().do(ADA, LARGE, threading.get_ident) != threading.get_ident()


async def test_of_what_is_large_one_piece_is_at_work_at_any_time() -> None:
    large_work, at_work, most = LargeWork(), 0, 0

    def work() -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        threading.Event().wait(0.001)
        at_work -= 1

    await asyncio.gather(*(large_work.do(user_id, LARGE, work) for user_id in (ADA, BOB) for _ in range(10)))

    assert most == 1


async def test_a_caller_who_leaves_keeps_the_turn_until_the_thread_is_back() -> None:
    large_work, begun, end = LargeWork(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        end.wait(60)

    first = asyncio.create_task(large_work.do(ADA, LARGE, work))
    await asyncio.to_thread(begun.wait, 60)
    second = asyncio.create_task(large_work.do(BOB, LARGE, lambda: "done"))
    first.cancel()
    await asyncio.wait({second}, timeout=0.05)
    was_done = second.done()
    end.set()

    assert not was_done
    assert await second == "done"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_what_the_work_raises_is_raised() -> None:
    def work() -> None:
        raise InvalidRequest("wrong")

    with pytest.raises(InvalidRequest, match="wrong"):
        await LargeWork().do(ADA, LARGE, work)
