"""Options, checked by the backend's schema."""

from typing import Any

import pytest

from jobs_server.options import OptionsSchema
from qserver.circuits import CircuitFormat
from qserver.errors import InvalidRequest, Reason
from qserver.json_types import JsonObject, JsonValue
from qserver.plugins import BackendSpec
from qserver.results import ResultType

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "method": {"enum": ["statevector", "stabilizer"]},
        "bond": {"type": "integer", "minimum": 1, "maximum": 64},
        "threshold": {"type": ["number", "null"], "exclusiveMinimum": 0},
        "shape": {
            "oneOf": [
                {
                    "title": "circle",
                    "properties": {"name": {"const": "circle"}, "radius": {"type": "number"}},
                    "required": ["name", "radius"],
                },
                {
                    "title": "square",
                    "properties": {"name": {"const": "square"}, "side": {"type": "number", "minimum": 0}},
                    "required": ["name", "side"],
                },
                {"title": "points", "type": "array"},
            ]
        },
        "noise": {"type": "object", "properties": {"p": {"type": "number", "maximum": 1}}, "required": ["p"]},
    },
    "additionalProperties": False,
}


def schema(options_schema: JsonObject = SCHEMA) -> OptionsSchema:
    return OptionsSchema(
        BackendSpec(
            name="toy",
            description="",
            result_types=frozenset({ResultType.COUNTS}),
            formats=frozenset({CircuitFormat.OPENQASM2}),
            options_schema=options_schema,
        )
    )


@pytest.mark.parametrize(
    "options", [{}, {"method": "statevector", "bond": 3}, {"threshold": None}, {"noise": {"p": 0}}]
)
def test_what_the_schema_allows_passes(options: JsonObject) -> None:
    schema().check(options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"metod": 1},
            "backend toy has no option 'metod'; did you mean 'method'? (allowed: bond, method, noise, shape, ",
        ),
        ({"zzz": 1}, "backend toy has no option 'zzz' (allowed: "),
        ({"method": "statvector"}, '\'method\' is "statvector"; allowed: "statevector", "stabilizer"; did you mean'),
        ({"method": 3}, "option 'method' is 3; allowed: "),
        ({"bond": 0}, "option 'bond' is 0; it must be at least 1"),
        ({"bond": 65}, "option 'bond' is 65; it must be at most 64"),
        ({"bond": "x"}, "option 'bond' is \"x\"; it must be of type integer"),
        ({"threshold": 0}, "option 'threshold' is 0; it must be above 0"),
        ({"threshold": "x"}, "it must be of type number or null"),
        ({"noise": {}}, "option 'noise': 'p' is a required property"),
        ({"noise": {"p": 2}}, "option 'noise.p' is 2; it must be at most 1"),
        ({"shape": {"name": "square"}}, "option 'shape': 'side' is a required property"),
        ({"shape": {"name": "square", "side": -1}}, "option 'shape.side' is -1; it must be at least 0"),
        ({"shape": {"name": "star"}}, 'option \'shape\' is {"name": "star"}; it fits none of: circle, square, points'),
        ({"noise": "x" * 500}, "…; it must be of type object"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(options: JsonObject, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        schema().check(options)

    assert sentence in caught.value.message
    assert caught.value.reason is Reason.INVALID_OPTION


def test_a_schema_that_points_elsewhere_fetches_nothing() -> None:
    remote = schema({"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema"}}})

    with pytest.raises(Exception, match="Unresolvable"):
        remote.check({"a": 1})


class Watched(list[JsonValue]):
    """A list that counts how often one of its items is looked at."""

    looks = 0

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - list's own
        self.looks += 1
        return super().__getitem__(index)


def test_of_a_list_in_which_all_is_wrong_the_first_items_are_looked_at() -> None:
    points = Watched([0] * 10_000)
    numbers = schema({"properties": {"a": {"oneOf": [{"items": {"type": "string"}}, {"items": {"type": "boolean"}}]}}})

    with pytest.raises(InvalidRequest, match="it fits none of"):
        numbers.check({"a": points})

    assert 0 < points.looks < 1000


def test_a_long_list_is_looked_at_to_its_end() -> None:
    points: JsonObject = {"a": [*[0] * 10_000, "x"]}

    with pytest.raises(InvalidRequest, match=r"option 'a\.10000' is \"x\"; it must be of type number"):
        schema({"properties": {"a": {"items": {"type": "number"}}}}).check(points)
