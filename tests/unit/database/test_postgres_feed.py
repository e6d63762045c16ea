"""What travels in a notification, and how a lost connection is made again."""

import socket
from typing import NoReturn, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import create_engine
from structlog.testing import capture_logs

from database.changes import Change, ChangeKind
from database.postgres_feed import MAX_PAYLOAD_BYTES, PostgresFeed, channel_of, decode_change, encode_ids
from tests.waiting import wait_until


@pytest.mark.parametrize("number", [0, 1, 239, 240, 1000])
def test_a_change_of_many_jobs_survives_in_payloads_that_postgres_takes(number: int) -> None:
    job_ids = tuple(uuid4() for _ in range(number))

    payloads = list(encode_ids(job_ids))

    changes = [decode_change(channel_of(ChangeKind.JOBS), payload) for payload in payloads]
    assert all(len(payload.encode()) <= MAX_PAYLOAD_BYTES for payload in payloads)
    assert all(change is not None and change.kind is ChangeKind.JOBS for change in changes)
    assert tuple(job_id for change in changes if change for job_id in change.job_ids) == job_ids


@pytest.mark.parametrize(("channel", "payload"), [("qserver_weather", ""), ("", ""), ("qserver_jobs", "not-a-uuid")])
def test_a_word_of_another_version_is_left_out(channel: str, payload: str) -> None:
    assert decode_change(channel, payload) is None


def test_a_change_without_jobs_is_one_payload() -> None:
    assert list(encode_ids([])) == [""]
    assert decode_change("qserver_work", "") == Change(ChangeKind.WORK)
    assert decode_change("qserver_jobs", UUID(int=1).hex) == Change(ChangeKind.JOBS, (UUID(int=1),))


class RefusingConnection:
    """A connection to a database that is a copy of another: it can be made, and listens to nobody."""

    def __init__(self) -> None:
        self._end, self._far_end = socket.socketpair()

    def fileno(self) -> int:
        return self._end.fileno()

    def execute(self, _: bytes) -> NoReturn:
        raise psycopg.errors.ReadOnlySqlTransaction("cannot execute LISTEN during recovery")

    def close(self) -> None:
        self._end.close()
        self._far_end.close()


class RefusedFeed(PostgresFeed):
    """A feed that has no other database."""

    def _connect(self) -> psycopg.Connection:
        return cast("psycopg.Connection", RefusingConnection())


def test_a_database_that_refuses_to_listen_is_asked_less_and_less_often() -> None:
    feed = RefusedFeed(create_engine("sqlite://"))

    with capture_logs() as logs:
        feed.subscribe(lambda _: None, {ChangeKind.JOBS})
        wait_until(lambda: len(logs) >= 4)
        feed.close()

    assert [line["retry_seconds"] for line in logs[:4]] == [0.05, 0.1, 0.2, 0.4]
