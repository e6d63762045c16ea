"""However much of a body is wrong, its refusal is found at once and stays small."""

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import pytest

from rest_api import service_route
from rest_api.app import all_routes
from rest_api.errors import MAX_FAULTS
from rest_api.patterns import WORDS
from rest_api.request_body import RequestBody
from rest_api.service_route import ServiceRoute
from rest_api.submission import Submission
from tests.unit.rest_api.site import BELL, Site

JSON = {"content-type": "application/json"}
JOB = {"backend": "aer", "circuit": BELL, "result_types": ["counts"]}
BODIES = {kind for route in all_routes() if isinstance(route, ServiceRoute) and (kind := route.body_kind) is not None}

Schema = Mapping[str, object]


def inner(schema: object) -> Iterator[Schema]:
    """Give what Pydantic builds a validator of, and all that it holds."""
    if isinstance(schema, Mapping):
        yield schema
        for value in schema.values():
            yield from inner(value)
    elif isinstance(schema, Sequence) and not isinstance(schema, str):
        for value in schema:
            yield from inner(value)


def faults_of(answer_body: object) -> list[dict[str, str]]:
    return cast("dict[str, list[dict[str, str]]]", answer_body)["errors"]


@pytest.mark.parametrize("kind", sorted(BODIES, key=str))
def test_every_body_and_every_list_in_one_is_bounded_in_its_faults(kind: type[RequestBody]) -> None:
    lists = [schema for schema in inner(kind.__pydantic_core_schema__) if schema.get("type") in {"list", "set"}]

    assert issubclass(kind, RequestBody)
    assert kind.model_config.get("extra") == "forbid"
    assert [each for each in lists if not each.get("fail_fast") or "max_length" not in each] == []
    assert lists or kind is not Submission


@pytest.mark.parametrize(
    ("member", "value", "place"),
    [
        ("result_types", ["zz"] * 5, "body.result_types.0"),
        ("result_types", ["counts"] * 1000, "body.result_types"),
        ("observables", [[["ZZ", 1]], *[[["Q", 1]]] * 100], "body.observables.1.0.0"),
        ("observables", [[["Q", 1]] * 100], "body.observables.0.0.0"),
    ],
)
async def test_a_list_of_wrong_things_is_told_of_by_the_first(
    site: Site, member: str, value: object, place: str
) -> None:
    answer = await site.client.post("/api/v1/jobs", json={**JOB, member: value})

    assert answer.status_code == 400
    assert [fault["field"] for fault in faults_of(answer.json())] == [place]


async def test_of_many_unknown_members_the_first_are_told_with_what_else_is_wrong(site: Site) -> None:
    unknown = {f"k{number}": 1 for number in range(100)}

    answer = await site.client.post("/api/v1/jobs", json={**unknown, **JOB, "shots": 0})

    told = [fault["field"] for fault in faults_of(answer.json())]
    assert answer.status_code == 400
    assert told[0] == "body.shots"
    assert told[1:] == [f"body.k{number}" for number in range(MAX_FAULTS - 1)]


def test_no_more_faults_are_found_than_a_body_has_members_and_may_be_told() -> None:
    body = {f"k{number}": 1 for number in range(100_000)}

    with pytest.raises(ValueError, match="circuit") as caught:
        Submission.model_validate({**body, "circuit": 1})

    assert caught.value.error_count() <= len(Submission.model_fields) + MAX_FAULTS  # type: ignore[attr-defined]


async def test_others_are_answered_while_a_large_body_is_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    is_under_way, may_end = threading.Event(), threading.Event()

    def slowly(body: bytes, most: int) -> bool:
        is_under_way.set()
        return not may_end.wait(60) and len(body) > most

    monkeypatch.setattr(service_route, "SMALL_BODY_BYTES", 100)
    monkeypatch.setattr(service_route, "holds_more_values", slowly)
    async with asyncio.TaskGroup() as tasks:
        submitting = tasks.create_task(site.client.post("/api/v1/jobs", json=JOB))
        assert await asyncio.to_thread(is_under_way.wait, 60)
        other = await site.client.get("/api/v1/health")
        may_end.set()

    assert other.status_code == 200
    assert submitting.result().status_code == 201


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/api/v1/backend/a%01b", "path.name: must hold no slash and no control character, such as a line break"),
        ("/api/v1/jobs?user=a%0Ab", "query.user: must hold no control character, such as a line break"),
    ],
)
async def test_what_a_text_must_not_hold_is_said_in_words(site: Site, path: str, sentence: str) -> None:
    answer = await site.client.get(path)

    assert (answer.status_code, answer.json()["msg"]) == (400, sentence)


@pytest.mark.parametrize(
    ("member", "value", "sentence"),
    [
        ("observables", [[["zz", 1]]], "body.observables.0.0.0: must be made of the letters I, X, Y and Z"),
        ("circuit_base64", "a b!", "body.circuit_base64: must be base64, with its padding and without line breaks"),
    ],
)
async def test_how_a_member_must_be_spelled_is_said_in_words(
    site: Site, member: str, value: object, sentence: str
) -> None:
    answer = await site.client.post("/api/v1/jobs", json={**JOB, member: value}, headers=JSON)

    assert answer.json()["msg"] == sentence


@pytest.mark.parametrize("route", all_routes(), ids=lambda route: str(route.path))
def test_every_pattern_of_a_parameter_has_words(route: ServiceRoute) -> None:
    patterns = {
        str(metadata.pattern)
        for parameter in (*route.dependant.path_params, *route.dependant.query_params)
        for metadata in parameter.field_info.metadata
        if getattr(metadata, "pattern", None)
    }

    assert patterns <= set(WORDS)
