"""Turns between users."""

import asyncio
from collections.abc import Collection
from uuid import UUID, uuid4

from jobs_server.turns import FairSlots

ALICE, BOB, CAROL = uuid4(), uuid4(), uuid4()


class Stage:
    """Users who take slots; each holds its own until it is told to leave."""

    def __init__(self, slots: int, *, slow: Collection[UUID] = ()) -> None:
        self.turns = FairSlots(slots, is_slow=lambda user: user in slow)
        self.holding: list[tuple[UUID, asyncio.Event]] = []

    async def enter(self, user: UUID) -> "asyncio.Task[None]":
        task = asyncio.create_task(self._hold(user))
        await self.settle()
        return task

    async def finish(self, user: UUID) -> None:
        place = next(index for index, (holder, _) in enumerate(self.holding) if holder == user)
        self.holding.pop(place)[1].set()
        await self.settle()

    def holders(self) -> list[UUID]:
        return [user for user, _ in self.holding]

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def _hold(self, user: UUID) -> None:
        async with self.turns.slot(user):
            leave = asyncio.Event()
            self.holding.append((user, leave))
            await leave.wait()


async def test_a_user_who_is_alone_may_hold_every_slot() -> None:
    stage = Stage(2)

    for _ in range(3):
        await stage.enter(ALICE)

    assert stage.holders() == [ALICE, ALICE]


async def test_a_newcomer_gets_the_next_free_slot_before_all_that_wait_longer() -> None:
    stage = Stage(2)
    for _ in range(50):
        await stage.enter(ALICE)
    await stage.enter(BOB)

    await stage.finish(ALICE)

    assert stage.holders() == [ALICE, BOB]


async def test_each_gets_one_while_others_wait() -> None:
    stage = Stage(3)
    for user in (ALICE, ALICE, ALICE, ALICE, BOB, BOB, CAROL):
        await stage.enter(user)

    await stage.finish(ALICE)
    await stage.finish(ALICE)

    assert stage.holders() == [ALICE, BOB, CAROL]


async def test_slow_users_leave_one_slot_to_others_who_get_it_at_once() -> None:
    stage = Stage(3, slow=[ALICE, BOB])
    for user in (ALICE, ALICE, ALICE, BOB):
        await stage.enter(user)
    without_others = stage.holders()

    await stage.enter(CAROL)

    assert without_others == [ALICE, ALICE]
    assert stage.holders() == [ALICE, ALICE, CAROL]


async def test_a_slow_user_gets_the_only_slot_there_is() -> None:
    stage = Stage(1, slow=[ALICE])

    await stage.enter(ALICE)
    await stage.enter(ALICE)
    await stage.finish(ALICE)

    assert stage.holders() == [ALICE]


async def test_slow_users_take_turns() -> None:
    stage = Stage(2, slow=[ALICE, BOB])
    for user in (ALICE, ALICE, BOB, ALICE, BOB):
        await stage.enter(user)
    order = []

    while stage.holding:
        order += stage.holders()
        await stage.finish(order[-1])

    assert order == [ALICE, ALICE, BOB, ALICE, BOB]


async def test_turns_go_round() -> None:
    stage = Stage(1)
    for user in (ALICE, ALICE, ALICE, BOB, BOB):
        await stage.enter(user)
    order = []

    while stage.holding:
        order.append(stage.holders()[0])
        await stage.finish(order[-1])

    assert order == [ALICE, ALICE, BOB, ALICE, BOB]


async def test_who_gave_up_waiting_takes_no_slot() -> None:
    stage = Stage(1)
    await stage.enter(ALICE)
    bob = await stage.enter(BOB)
    await stage.enter(CAROL)

    bob.cancel()
    await stage.finish(ALICE)

    assert stage.holders() == [CAROL]


async def test_a_slot_granted_at_the_moment_its_user_gave_up_goes_on() -> None:
    stage = Stage(1)
    await stage.enter(ALICE)
    bob = await stage.enter(BOB)
    await stage.enter(CAROL)

    stage.holding.pop()[1].set()  # Alice's slot goes to Bob within this turn of the loop
    await asyncio.sleep(0)
    bob.cancel()
    await stage.settle()

    assert stage.holders() == [CAROL]
