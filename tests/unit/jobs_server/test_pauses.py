"""Others get their turn between pieces of long work."""

import asyncio

import pytest

from jobs_server.pauses import Pauses


async def test_a_pause_lets_everybody_else_go_first() -> None:
    told: list[str] = []
    asyncio.get_running_loop().call_soon(told.append, "another")

    await Pauses().take()

    assert told == ["another"]


@pytest.mark.parametrize(("longest_seconds", "is_due"), [(0.0, True), (3600.0, False)])
async def test_a_pause_is_due_once_the_work_took_long(longest_seconds: float, *, is_due: bool) -> None:
    pauses = Pauses(longest_seconds=longest_seconds)

    assert pauses.is_due is is_due
