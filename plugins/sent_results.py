"""The numbers of large results on their way from a simulator: one JSON text, read three times as fast as msgpack.

What the text holds is checked like the rest of a message, and never trusted.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import orjson

from qserver.results import PubResult
from qserver.sandbox.codec import CodecError

MIN_NUMBERS = 64
"""With fewer a text of their own takes longer than it saves."""

_NAMES = ("counts", "quasi_dist", "expval", "expval_standard_errors", "probabilities")
_MOST_BRACKETS = 1 + len(_NAMES)

_Numbers = dict[str, object]


def write_numbers(result: PubResult) -> bytes | None:
    """Write what a result has of numbers; None for few, and for those that a JSON text would change or not hold."""
    parts = {name: part for name in _NAMES if (part := getattr(result, name)) is not None}
    if sum(map(len, parts.values())) < MIN_NUMBERS or not {int}.issuperset(map(type, (result.counts or {}).values())):
        return None
    try:
        text = orjson.dumps(parts)
    except orjson.JSONEncodeError:
        return None
    # Not a number is written as null; a bracket in a key would be counted as one of the text's own.
    return None if b"null" in text or _brackets(text) > _MOST_BRACKETS else text


def without_numbers(result: PubResult) -> PubResult:
    """Give what is to be sent beside the text."""
    return replace(result, counts=None, quasi_dist=None, expval=None, expval_standard_errors=None, probabilities=None)


def with_numbers(result: PubResult, text: bytes) -> PubResult:
    """Put both together again. Raises CodecError for a text that `write_numbers` doesn't write."""
    # Each empty list is two bytes in the text and 56 in memory.
    if _brackets(text) > _MOST_BRACKETS:
        raise CodecError("the numbers of a result are nested")
    try:
        numbers: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CodecError(f"the numbers of a result are no JSON: {error}") from error
    if not isinstance(numbers, dict) or not numbers.keys() <= set(_NAMES):
        raise CodecError("the numbers of a result have other names than its own")
    return replace(
        result,
        counts=_counts(numbers),
        quasi_dist=_mapping(numbers, "quasi_dist"),
        probabilities=_mapping(numbers, "probabilities"),
        expval=_list(numbers, "expval"),
        expval_standard_errors=_list(numbers, "expval_standard_errors"),
    )


def _brackets(text: bytes) -> int:
    return text.count(b"{") + text.count(b"[")


def _counts(numbers: _Numbers) -> Mapping[str, int] | None:
    part = numbers.get("counts")
    if part is None:
        return None
    if not isinstance(part, dict) or not {int}.issuperset(map(type, part.values())):
        raise CodecError("counts of a result have other values than whole numbers")
    return part


def _mapping(numbers: _Numbers, name: str) -> Mapping[str, float] | None:
    part = numbers.get(name)
    if part is None:
        return None
    if not isinstance(part, dict):
        raise CodecError(f"{name} of a result is no object")
    return {key: float(value) for key, value in part.items()} if _has_whole(part.values(), name) else part


def _list(numbers: _Numbers, name: str) -> tuple[float, ...] | None:
    part = numbers.get(name)
    if part is None:
        return None
    if not isinstance(part, list):
        raise CodecError(f"{name} of a result is no list")
    return tuple(map(float, part)) if _has_whole(part, name) else tuple(part)


def _has_whole(values: Collection[object], name: str) -> bool:
    """Tell whether one of the numbers was written as a whole one. Raises CodecError where one is no number."""
    kinds = set(map(type, values))
    if not kinds <= {int, float}:
        raise CodecError(f"{name} of a result has other values than numbers")
    return int in kinds
