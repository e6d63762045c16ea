"""Writing values as JSON, also those that orjson leaves to us."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from uuid import UUID

import pytest

from qserver.jobs import JobStatus
from rest_api.json_response import encode

JOB_ID = UUID(int=1)
MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Thing:
    """Everything that an answer may hold."""

    id: UUID
    at: datetime
    status: JobStatus
    members: MappingProxyType[str, int]


@pytest.mark.parametrize("number", [1, 10**30])
def test_small_and_large_integers_are_written_alike(number: int) -> None:
    thing = Thing(JOB_ID, MOMENT, JobStatus.PENDING, MappingProxyType({"n": number}))

    assert json.loads(encode(thing)) == {
        "id": str(JOB_ID),
        "at": "2026-01-31T12:00:00+00:00",
        "status": "pending",
        "members": {"n": number},
    }


def test_what_is_no_json_is_an_error() -> None:
    with pytest.raises(TypeError, match="a set is no JSON"):
        encode({"members": {1, 2}})
