"""What travels in a notification."""

from uuid import UUID, uuid4

import pytest

from database.changes import Change, ChangeKind
from database.postgres_feed import MAX_PAYLOAD_BYTES, decode_change, encode_change


@pytest.mark.parametrize("number", [0, 1, 239, 240, 1000])
def test_a_change_of_many_jobs_survives_in_payloads_that_postgres_takes(number: int) -> None:
    job_ids = tuple(uuid4() for _ in range(number))

    payloads = list(encode_change(Change(ChangeKind.JOBS, job_ids)))

    changes = [decode_change(payload) for payload in payloads]
    assert all(len(payload.encode()) <= MAX_PAYLOAD_BYTES for payload in payloads)
    assert all(change is not None and change.kind is ChangeKind.JOBS for change in changes)
    assert tuple(job_id for change in changes if change for job_id in change.job_ids) == job_ids


@pytest.mark.parametrize("payload", ["", "weather:", "jobs:not-a-uuid"])
def test_a_word_of_another_version_is_left_out(payload: str) -> None:
    assert decode_change(payload) is None


def test_a_change_without_jobs_is_one_payload() -> None:
    assert list(encode_change(Change(ChangeKind.WORK))) == ["work:"]
    assert decode_change("work:") == Change(ChangeKind.WORK)
    assert decode_change(f"jobs:{UUID(int=1).hex}") == Change(ChangeKind.JOBS, (UUID(int=1),))
