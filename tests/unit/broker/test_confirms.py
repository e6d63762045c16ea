"""The bookkeeping of confirms."""

import asyncio

import pytest

from qserver.broker.confirms import Batch, Confirms


@pytest.fixture
async def batch() -> Batch:
    return Batch(done=asyncio.get_running_loop().create_future())


async def test_a_batch_is_done_with_the_last_of_its_messages(batch: Batch) -> None:
    confirms = Confirms()
    numbers = [confirms.add(batch) for _ in range(3)]

    for number in numbers[:2]:
        confirms.settle(number, is_multiple=False, is_taken=True)

    assert not batch.done.done()
    confirms.settle(numbers[2], is_multiple=False, is_taken=True)
    assert batch.done.done()
    assert batch.not_taken == set()


async def test_one_answer_may_settle_all_messages_before_it(batch: Batch) -> None:
    confirms = Confirms()
    for _ in range(5):
        confirms.add(batch)

    confirms.settle(4, is_multiple=True, is_taken=True)

    assert batch.open_numbers == {5}


async def test_refused_and_returned_messages_are_told_apart_from_taken_ones(batch: Batch) -> None:
    confirms = Confirms()
    for _ in range(3):
        confirms.add(batch)

    confirms.come_back(1)
    confirms.settle(1, is_multiple=False, is_taken=True)
    confirms.settle(2, is_multiple=False, is_taken=False)
    confirms.settle(3, is_multiple=False, is_taken=True)

    assert batch.done.done()
    assert batch.not_taken == {1, 2}


async def test_batches_in_flight_together_are_kept_apart(batch: Batch) -> None:
    confirms, other = Confirms(), Batch(done=asyncio.get_running_loop().create_future())
    confirms.add(batch)
    confirms.add(other)

    confirms.settle(2, is_multiple=False, is_taken=True)

    assert other.done.done()
    assert not batch.done.done()


async def test_an_answer_to_a_message_that_nobody_waits_for_is_ignored(batch: Batch) -> None:
    confirms = Confirms()
    confirms.add(batch)
    confirms.settle(1, is_multiple=False, is_taken=True)

    confirms.settle(1, is_multiple=False, is_taken=False)

    assert batch.not_taken == set()
