"""The pool of inspector processes, asked about options; how it reads circuits is told in `test_readings.py`."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from jobs_server.inspectors import InspectorPool
from jobs_server.reading_time import ReadingTime
from qserver.errors import InvalidRequest, Reason, Unavailable
from qserver.settings import InspectorSettings
from tests.unit.jobs_server.fake_inspector import FakeInspectors

USER = uuid4()


@pytest.fixture
async def pool() -> AsyncIterator[InspectorPool]:
    inspectors = FakeInspectors()
    reading_time = ReadingTime(allowance_seconds=30.0, clock=inspectors.clock)
    made = InspectorPool(
        inspectors.spawn, InspectorSettings(), processes=2, reading_time=reading_time, clock=inspectors.clock
    )
    yield made
    made.close()


async def test_options_that_the_engine_refuses_are_refused(pool: InspectorPool) -> None:
    with pytest.raises(InvalidRequest, match="the engine refuses the noise model") as caught:
        await pool.check_options(USER, "aer", {"noise_model": "refused"})

    assert caught.value.reason is Reason.INVALID_OPTION


async def test_options_are_checked_again_where_the_process_was_killed_from_outside(pool: InspectorPool) -> None:
    await pool.check_options(USER, "aer", {"noise_model": "killed once"})


async def test_options_that_crash_the_process_are_refused(pool: InspectorPool) -> None:
    with pytest.raises(InvalidRequest, match="crashed the parser: it died of signal 11"):
        await pool.check_options(USER, "aer", {"noise_model": "crash"})


async def test_options_are_not_to_blame_for_a_process_that_got_no_time_to_work(pool: InspectorPool) -> None:
    with pytest.raises(Unavailable, match="checking the options was not possible"):
        await pool.check_options(USER, "aer", {"noise_model": "frozen"})
