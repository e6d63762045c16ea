"""What `--json` writes: one JSON object a line, for jq and its kin."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from uuid import UUID

from qserver.client.outcomes import Outcome
from qserver.client.results import Result
from qserver.errors import InvalidCircuit, QServerError
from qserver.results import ResultType


def line_of(document: Mapping[str, object]) -> str:
    """Write a document as a line."""
    return json.dumps(document, default=_plain, ensure_ascii=False)


def record_of(value: object) -> dict[str, object]:
    """Give the members of a frozen dataclass."""
    if not is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{type(value).__qualname__} is no record")
    return asdict(value)


def error_document(error: QServerError) -> dict[str, object]:
    """Give what is known of an error."""
    place = {"line": error.line, "column": error.column} if isinstance(error, InvalidCircuit) else {}
    return {"reason": error.reason, "message": error.message, **place}


def outcome_document(job_id: str, outcome: Outcome) -> dict[str, object]:
    """Give what came of a job."""
    if isinstance(outcome, QServerError):
        return {"id": job_id, "error": error_document(outcome)}
    return {"id": job_id, "results": [result_document(result) for result in outcome]}


def result_document(result: Result) -> dict[str, object]:
    """Give every type of result that there is. Amplitudes are pairs of real and imaginary part."""
    members = {kind.value: _value_of(result, kind) for kind in result.result_types}
    if ResultType.EXPVAL in result.result_types:
        members["expval_standard_errors"] = result.expval_standard_errors
    return {**members, "run": record_of(result.run)}


def _value_of(result: Result, kind: ResultType) -> object:
    if kind is ResultType.STATEVECTOR:
        return [(float(amplitude.real), float(amplitude.imag)) for amplitude in result.statevector]
    return getattr(result, kind)


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case Mapping():
            return dict(value)
        case Sequence() | frozenset():
            return list(value)
        case _:
            raise TypeError(f"{type(value).__qualname__} has no JSON")
