"""Calls that wait for company while another of their kind is under way."""

import asyncio

from jobs_server.company import Company
from tests.waiting import until

LONG_SECONDS = 3600.0


def company(*, longest_seconds: float = LONG_SECONDS) -> Company[str]:
    return Company(enough=3, longest_seconds=longest_seconds)


async def waiting(made: Company[str]) -> asyncio.Task[None]:
    """Have one wait for company of the kind `ada`, where a call is under way."""
    task = asyncio.create_task(made.wait("ada", 1))
    await asyncio.sleep(0)
    return task


async def test_nobody_waits_where_nothing_of_the_kind_is_under_way() -> None:
    made = company()

    with made.call("eve"):
        await made.wait("ada", 1)


async def test_who_comes_with_enough_others_waits_for_nobody() -> None:
    made = company()

    with made.call("ada"):
        await made.wait("ada", 3)


async def test_the_end_of_a_call_ends_the_wait() -> None:
    made = company()

    with made.call("ada"):
        task = await waiting(made)
        assert not task.done()

    await until(task.done)


async def test_enough_company_ends_the_wait() -> None:
    made = company()

    with made.call("ada"):
        task = await waiting(made)
        made.tell("ada", 2)
        await asyncio.sleep(0)
        is_done_with_two = task.done()
        made.tell("ada", 3)
        await until(task.done)

    assert not is_done_with_two


async def test_nobody_waits_longer_than_the_longest_time() -> None:
    made = company(longest_seconds=0.001)

    with made.call("ada"):
        task = await waiting(made)

        await until(task.done)


async def test_who_waits_may_go_away() -> None:
    made = company()

    with made.call("ada"):
        (await waiting(made)).cancel()
        task = await waiting(made)

    await until(task.done)
