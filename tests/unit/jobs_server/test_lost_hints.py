"""Messages that got lost, and a broker or a worker that went away: every job is published again."""

import pytest

from qserver.errors import Unavailable
from tests.unit.jobs_server.builders import claim, new_job
from tests.unit.jobs_server.dispatching import Dispatching


def test_jobs_flow_when_the_broker_is_back(dispatching: Dispatching) -> None:
    dispatching.add_workers()
    jobs = dispatching.add_jobs(new_job(), new_job())
    dispatching.publisher.is_away = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            dispatching.run_later()

    dispatching.publisher.is_away = False
    dispatching.run_later()

    assert dispatching.publisher.take() == jobs


def test_all_is_published_again_after_the_connection_was_lost(dispatching: Dispatching) -> None:
    dispatching.add_workers()
    jobs = dispatching.add_jobs(new_job(), new_job())
    dispatching.dispatcher.run_once()
    dispatching.publisher.take()  # lost with the broker

    dispatching.publisher.generation += 1
    dispatching.dispatcher.run_once()

    assert dispatching.publisher.take() == jobs


def test_messages_that_got_lost_are_sent_again_once_their_queue_is_empty(
    dispatching: Dispatching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs_server.dispatcher.LOST_AFTER_SECONDS", 0.0)
    dispatching.add_workers()
    jobs = dispatching.add_jobs(new_job(), new_job())
    dispatching.dispatcher.run_once()

    dispatching.run_later()
    while_they_wait = dispatching.publisher.take()
    dispatching.run_later()

    assert while_they_wait == jobs
    assert dispatching.publisher.take() == jobs


def test_messages_that_got_lost_are_sent_again_though_later_ones_wait(
    dispatching: Dispatching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs_server.dispatcher.LOST_AFTER_SECONDS", 0.0)
    dispatching.add_workers()
    lost = dispatching.add_jobs(new_job())
    dispatching.dispatcher.run_once()
    dispatching.publisher.take()
    later = dispatching.add_jobs(new_job(), new_job())
    dispatching.dispatcher.run_once()

    dispatching.run_later()

    assert dispatching.publisher.take() == [*later, *lost]


def test_what_was_published_lately_is_not_sent_again(dispatching: Dispatching) -> None:
    dispatching.add_workers()
    dispatching.add_jobs(new_job())
    dispatching.dispatcher.run_once()
    dispatching.publisher.take()

    dispatching.run_later()

    assert dispatching.publisher.take() == []


def test_a_job_whose_worker_was_lost_is_published_again(dispatching: Dispatching) -> None:
    dispatching.add_workers()
    jobs = dispatching.add_jobs(new_job())
    dispatching.dispatcher.run_once()
    claim(dispatching.database, dispatching.publisher.take(), dispatching.worker, lease_seconds=-1)

    dispatching.run_later()

    assert dispatching.publisher.take() == jobs
