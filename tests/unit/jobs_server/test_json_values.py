"""JSON from outside."""

import json

import pytest
from google.protobuf.struct_pb2 import Struct, Value
from hypothesis import given
from hypothesis import strategies as st

from jobs_server.json_values import from_struct, number_of_values, parse_document, parse_object, to_struct
from qserver.errors import InvalidRequest, TooLarge
from qserver.json_types import JsonObject

MAX_BYTES = 1000

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(text, values, max_size=4))
def test_an_object_survives_the_way_through_a_struct(value: JsonObject) -> None:
    struct = to_struct(value)

    assert from_struct(struct, name="options", max_bytes=10**6) == value


def test_whole_numbers_of_a_struct_become_integers_and_others_stay() -> None:
    struct = Struct()
    struct.update({"a": 3.0, "b": 0.5, "c": 2.0**60})

    value = from_struct(struct, name="options", max_bytes=MAX_BYTES)

    assert [type(value[key]) for key in "abc"] == [int, float, float]


def test_a_struct_of_more_values_than_its_json_could_hold_is_refused_before_it_is_unfolded() -> None:
    struct = Struct()
    struct["a"] = []
    struct.fields["a"].list_value.values.extend([Value()] * (MAX_BYTES // 2 + 1))

    with pytest.raises(TooLarge, match=r"metadata holds more than 500 values.*\(QSERVER_MAX_METADATA_BYTES\)"):
        from_struct(struct, name="metadata", max_bytes=MAX_BYTES)


@given(st.dictionaries(text, values, max_size=4))
def test_no_struct_within_the_limit_is_refused_by_its_bytes_or_values(value: JsonObject) -> None:
    size_bytes = max(2, len(json.dumps(value, ensure_ascii=False).encode()))

    assert from_struct(to_struct(value), name="metadata", max_bytes=size_bytes) == value


def test_of_a_long_key_a_refusal_tells_the_beginning() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_object(json.dumps({"k" * 500: {"a": "\0"}}), name="metadata", max_bytes=MAX_BYTES)

    assert refused.value.message.startswith(f"metadata.{'k' * 100}.a holds a NUL")


def test_text_is_given_back_as_it_came() -> None:
    assert parse_object('{"shots": 5, "x": [1.5, null, "ä"]}', name="metadata", max_bytes=MAX_BYTES) == {
        "shots": 5,
        "x": [1.5, None, "ä"],
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "metadata is no JSON"),
        ("{", "metadata is no JSON"),
        ("[1]", "must be a JSON object, e.g. {}, and is an array"),
        ("3", "and is a number"),
        ("null", "and is null"),
        ('{"a": NaN}', "metadata.a is no finite number"),
        ('{"a": 1e999}', "metadata.a is no finite number"),
        ('{"a": [1, -Infinity]}', "metadata.a is no finite number"),
        ('{"a": ' + "1" * 400 + "}", "metadata.a is no finite number"),
        ('{"a": "\\u0000"}', "metadata.a holds a NUL character"),
        ('{"a": "\\ud800"}', "half a surrogate pair"),
        ('{"\\ud800": 1}', "half a surrogate pair"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "metadata.a nests deeper than 32 levels"),
    ],
)
def test_what_no_database_could_keep_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_object(text, name="metadata", max_bytes=MAX_BYTES)

    assert sentence in caught.value.message


def test_nesting_that_would_exhaust_the_stack_is_refused() -> None:
    deep = '{"a": ' + "[" * 200_000 + "]" * 200_000 + "}"

    with pytest.raises(InvalidRequest, match="nests deeper than 32 levels"):
        parse_object(deep, name="metadata", max_bytes=10**6)


def test_size_is_limited_and_both_sizes_are_named() -> None:
    with pytest.raises(TooLarge, match=r"metadata is 1,008 bytes; the limit is 1,000 \(QSERVER_MAX_METADATA_BYTES\)"):
        parse_object(json.dumps({"a": "x" * 999}), name="metadata", max_bytes=MAX_BYTES)


def test_size_of_a_struct_is_that_of_its_json() -> None:
    with pytest.raises(TooLarge, match="options is 1,008 bytes"):
        from_struct(to_struct({"a": "x" * 999}), name="options", max_bytes=MAX_BYTES)


def test_a_struct_that_is_far_too_large_is_refused_unread_without_a_size_that_is_none() -> None:
    struct = Struct()
    struct.update({"a": ["x" * 1000] * 20 + [float("nan")]})  # read, it would be refused for something else

    with pytest.raises(TooLarge, match=r"^options is far more than 1,000 bytes; that is the limit \(QSERVER_MAX_META"):
        from_struct(struct, name="options", max_bytes=MAX_BYTES)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_struct_with_no_finite_number_is_refused(number: float) -> None:
    with pytest.raises(InvalidRequest, match=r"options\.a is no finite number"):
        from_struct(to_struct({"a": number}), name="options", max_bytes=MAX_BYTES)


def test_a_document_and_a_struct_of_the_same_numbers_are_the_same_value() -> None:
    text = b'{"a": 3.0, "b": [0.5, -0.0, 1e3], "c": 1180591620717411303424}'

    value = parse_document(text, name="noise", max_bytes=MAX_BYTES, setting="QSERVER_MAX_NOISE_MODEL_BYTES")

    assert value == from_struct(to_struct(json.loads(text)), name="noise", max_bytes=MAX_BYTES)
    assert json.dumps(value) == '{"a": 3, "b": [0.5, 0, 1000], "c": 1.1805916207174113e+21}'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"\xff", "noise is no JSON"),
        (b"[]", "noise must be a JSON object, and is an array"),
        (b'{"a": 1e999}', "noise.a is no finite number"),
        (b"[" * 200_000, "noise nests deeper than 32 levels"),
    ],
)
def test_a_document_that_is_no_object_is_refused(text: bytes, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        parse_document(text, name="noise", max_bytes=10**6, setting="QSERVER_MAX_NOISE_MODEL_BYTES")


def test_values_are_counted_on_all_levels_and_no_further_than_needed() -> None:
    struct = to_struct({"a": [1, [2, {"b": None}]], "c": {}})

    assert number_of_values(struct, most=100) == 7
    assert number_of_values(to_struct({"a": [[]] * 1000}), most=10) == 12
