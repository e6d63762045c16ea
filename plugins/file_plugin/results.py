"""What a file plugin returned, checked and turned into a result. Nothing that came from the plugin is trusted."""

import json
import math
import re
from collections.abc import Mapping

from qserver.errors import ExecutionError
from qserver.json_types import JsonValue
from qserver.results import PubResult, ResultType, RunRecord

MAX_KEY_LENGTH = 10_000
SUM_TOLERANCE = 0.01
"""How far the sum of a quasi-distribution may be from 1: a plugin may round its figures."""

_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]*", re.ASCII)


def read_result(reply: bytes, *, wanted: frozenset[ResultType], run: RunRecord) -> PubResult:
    """Make a result of the reply of `program`.

    Raises ExecutionError, with a sentence that names the result type, where it is none.
    """
    try:
        values: JsonValue = json.loads(reply)
    except (ValueError, RecursionError) as error:
        raise ExecutionError("the plugin's reply is no JSON") from error
    if not isinstance(values, Mapping) or not wanted <= values.keys():
        raise ExecutionError("the plugin's reply lacks a result type")
    return PubResult(
        run=run,
        counts=_counts(values["counts"]) if ResultType.COUNTS in wanted else None,
        quasi_dist=_quasi_dist(values["quasi_dist"]) if ResultType.QUASI_DIST in wanted else None,
        expval=_expval(values["expval"]) if ResultType.EXPVAL in wanted else None,
    )


def _counts(value: JsonValue) -> Mapping[str, int]:
    return {key: _count(key, number) for key, number in _pairs("counts", value).items()}


def _count(key: str, value: JsonValue) -> int:
    number = _number("counts", value)
    if number < 0 or not number.is_integer():
        raise ExecutionError(f"the plugin's counts of {key[:100]!r} are {number:g}, no number of shots")
    return int(number)


def _quasi_dist(value: JsonValue) -> Mapping[str, float]:
    distribution = {_outcome(key): _number("quasi_dist", number) for key, number in _pairs("quasi_dist", value).items()}
    total = math.fsum(distribution.values())
    if abs(total - 1.0) > SUM_TOLERANCE:
        raise ExecutionError(f"the plugin's quasi_dist sums to {total:g} and not to 1")
    return distribution


def _outcome(key: str) -> str:
    # "11" is eleven, as the contract has it. "011" is more likely three, written as a bitstring: nobody can tell.
    if not _WHOLE_NUMBER.fullmatch(key):
        raise ExecutionError(f"the plugin's quasi_dist has a key {key[:100]!r} that is no whole number")
    return key


def _expval(value: JsonValue) -> tuple[float, ...]:
    # Their number is the plugin's business: the published fake-plugin gives one value whatever it is asked.
    if not isinstance(value, list) or not value:
        raise ExecutionError("the plugin's expval is no list of numbers")
    return tuple(_number("expval", _only(item)) for item in value)


def _only(value: JsonValue) -> JsonValue:
    """Take the number out of an array of one, which Qiskit's primitives give for a single observable."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def _pairs(name: str, value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, Mapping) or not value:
        raise ExecutionError(f"the plugin's {name} are no dict of numbers")
    if any(not key or len(key) > MAX_KEY_LENGTH for key in value):
        raise ExecutionError(f"the plugin's {name} have a key of impossible length; the limit is {MAX_KEY_LENGTH:,}")
    return value


def _number(name: str, value: JsonValue) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExecutionError(f"the plugin's {name} hold {type(value).__name__} where a number belongs")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ExecutionError(f"the plugin's {name} hold a number that is not finite")
    return number
