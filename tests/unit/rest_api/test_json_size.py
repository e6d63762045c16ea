"""How much a body unfolds to, told from its bytes alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qserver.settings import LimitSettings
from rest_api.json_size import holds_more_values, max_values
from tests.unit.rest_api.site import Site

JSON = {"content-type": "application/json"}
GOOD = '"backend": "aer", "circuit": "OPENQASM 2.0;", "result_types": ["counts"]'

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=30,
)


def number_of(value: object) -> int:
    match value:
        case dict():
            return 1 + sum(map(number_of, value.values()))
        case list():
            return 1 + sum(map(number_of, value))
        case _:
            return 1


@given(values, st.booleans())
def test_no_body_holds_more_than_twice_what_is_told(value: object, is_ascii: bool) -> None:  # noqa: FBT001 - Hypothesis
    body = json.dumps(value, ensure_ascii=is_ascii).encode()

    number = number_of(value)

    assert not holds_more_values(body, 2 * number)
    assert holds_more_values(body, (number - 1) // 2 - 1)


@pytest.mark.parametrize("text", ["[{,", '"', "\\", '\\"', '\\\\"[', ',"' * 1000, "ü[\0"])
def test_what_stands_in_a_string_is_no_value(text: str) -> None:
    assert not holds_more_values(json.dumps({"circuit": text}).encode(), 1)


def test_the_largest_job_that_the_limits_allow_is_let_in() -> None:
    limits = LimitSettings()
    observables = [[["ZZ", 1.5]]] * (limits.max_observable_terms)
    metadata = [0] * (limits.max_metadata_bytes // 3)
    job = {"circuit": "[," * 1_000_000, "observables": observables, "metadata": {"a": metadata}, "options": {}}

    assert not holds_more_values(json.dumps(job).encode(), max_values(limits))


@pytest.mark.parametrize(
    "members",
    [
        ",".join(f'"k{number}":1' for number in range(8000)),
        '"metadata":{' + ",".join(f'"{number}":1' for number in range(8000)) + "}",
        '"metadata":{"a":[' + "[]," * 8000 + "[]]}",
        '"observables":[[' + ",".join(['["ZZ",1]'] * 8000) + "]]",
        '"circuit_base64":' + "[" * 8000,
    ],
    ids=["members", "metadata", "empty lists", "terms", "depth"],
)
async def test_a_body_of_too_many_values_is_refused_unread(narrow_site: Site, members: str) -> None:
    answer = await narrow_site.client.post("/api/v1/jobs", content=f"{{{GOOD},{members}}}", headers=JSON)

    assert answer.status_code == 413
    assert answer.json()["reason"] == "TOO_LARGE"
    assert (
        "more than 244 JSON values; QSERVER_MAX_METADATA_BYTES, QSERVER_MAX_NOISE_MODEL_BYTES and"
        in answer.json()["msg"]
    )
    assert narrow_site.jobs_server.received == []
