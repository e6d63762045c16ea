"""What travels in a notification."""

from uuid import UUID, uuid4

import pytest

from database.changes import Change, ChangeKind
from database.postgres_feed import MAX_PAYLOAD_BYTES, channel_of, decode_change, encode_ids


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
