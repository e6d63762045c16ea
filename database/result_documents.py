"""A PUB's result as JSON text that names its schema and version, and back."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from types import MappingProxyType
from typing import Final, NotRequired, TypeAlias, TypedDict, cast
from uuid import UUID

import orjson

from qserver.errors import QServerError
from qserver.results import RESULT_SCHEMA, RESULT_SCHEMA_VERSION, Array, PhaseSeconds, PubResult, RunRecord

# Where members begin in the text. Nothing else can look like these: a quote within a text is escaped, and the members
# of counts and the like are numbers. They stand in this order; what lists show comes before the last two.
PROBABILITIES_MARK: Final = ',"probabilities":{'
RUN_MARK: Final = ',"run":{'
OPTIONAL_MARKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "counts": ',"counts":{',
        "quasi_dist": ',"quasi_dist":{',
        "expval": ',"expval":[',
        "expval_standard_errors": ',"expval_standard_errors":[',
        "probabilities": PROBABILITIES_MARK,
    }
)

_HEAD: Final = f'{{"schema":"{RESULT_SCHEMA}","version":{RESULT_SCHEMA_VERSION},'
_Part: TypeAlias = Mapping[str, int] | Mapping[str, float] | Sequence[float]


class SecondsDocument(TypedDict):
    """Where the time went."""

    queued: float
    loading: float
    simulating: float
    storing: float


class RunDocument(TypedDict):
    """How the result came to be."""

    backend: str
    method: str
    device: str
    float_precision: str
    shots: int
    seed: int | None
    threads: int
    reason: str
    plugin: str
    plugin_version: str
    engine: str
    engine_version: str
    seconds: SecondsDocument
    cached_from: NotRequired[str]


class ResultDocument(TypedDict):
    """What is stored of one PUB; what was not asked for is left out. `schema` stands first, for whoever looks."""

    schema: str
    version: int
    counts: NotRequired[dict[str, int]]
    quasi_dist: NotRequired[dict[str, float]]
    expval: NotRequired[list[float]]
    expval_standard_errors: NotRequired[list[float]]
    probabilities: NotRequired[dict[str, float]]
    run: RunDocument


RUN_END: Final = "}}"
"""How each document ends: `run` stands last, and `cached_from`, where there is one, stands last in it."""


def copied_run_end(job_id: UUID) -> str:
    """Give what takes the place of RUN_END in a copy of the result of the job that was run."""
    return f',"cached_from":"{job_id}"{RUN_END}'


def encode_result(result: PubResult) -> str:
    """Write all but the arrays, which are stored as bytes. Raises ValueError for NaN or infinity, which JSON lacks."""
    parts: dict[str, _Part | None] = {
        "counts": result.counts,
        "quasi_dist": result.quasi_dist,
        "expval": result.expval,
        "expval_standard_errors": result.expval_standard_errors,
        "probabilities": result.probabilities,
    }
    given = {name: part for name, part in parts.items() if part is not None}
    try:
        members = orjson.dumps(given)
        run = orjson.dumps(_run_document(result.run))
    except orjson.JSONEncodeError as error:
        raise ValueError(f"a result can't be written as JSON: {error}") from error
    if b"null" in members:  # orjson writes NaN so; and a key may say anything
        for name, part in given.items():
            _check_finite(name, part.values() if isinstance(part, Mapping) else part)
    _check_finite("seconds", astuple(result.run.seconds))
    separator = "," if given else ""
    return f'{_HEAD}{members[1:-1].decode()}{separator}"run":{run.decode()}}}'


def _check_finite(name: str, numbers: Iterable[float]) -> None:
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{name} of a result holds NaN or infinity, which JSON lacks")


def _run_document(run: RunRecord) -> RunDocument:
    seconds = run.seconds
    document = RunDocument(
        backend=run.backend,
        method=run.method,
        device=run.device,
        float_precision=run.float_precision,
        shots=run.shots,
        seed=run.seed,
        threads=run.threads,
        reason=run.reason,
        plugin=run.plugin,
        plugin_version=run.plugin_version,
        engine=run.engine,
        engine_version=run.engine_version,
        seconds=SecondsDocument(
            queued=seconds.queued, loading=seconds.loading, simulating=seconds.simulating, storing=seconds.storing
        ),
    )
    if run.cached_from is not None:
        document["cached_from"] = str(run.cached_from)
    return document


def parse_result(text: str) -> ResultDocument:
    """Read a document's text. Raises QServerError for a schema that this version doesn't know."""
    document = cast("ResultDocument", orjson.loads(text))
    if (document["schema"], document["version"]) != (RESULT_SCHEMA, RESULT_SCHEMA_VERSION):
        raise QServerError(
            f"a stored result has the schema {document['schema']} {document['version']}; "
            f"this version reads {RESULT_SCHEMA} {RESULT_SCHEMA_VERSION}"
        )
    return document


def all_members_of(text: str) -> str:
    """Give a document's members as text that ends with its closing brace: what was left out as null, not its schema.

    Nothing is parsed. Raises QServerError for a schema that this version doesn't know.
    """
    if not text.startswith(_HEAD):
        raise QServerError(
            f"a stored result begins with {text[: len(_HEAD)]}; "
            f"this version reads {RESULT_SCHEMA} {RESULT_SCHEMA_VERSION}"
        )
    nulls = "".join(f'"{name}":null,' for name, mark in OPTIONAL_MARKS.items() if mark not in text)
    members = text.removeprefix(_HEAD)
    if text.endswith(f"}}{RUN_END}"):  # seconds stand last in run: it is no copy
        members = f'{members.removesuffix(RUN_END)},"cached_from":null{RUN_END}'
    return nulls + members


def decode_result(text: str, arrays: Sequence[Array]) -> PubResult:
    """Read a document back, with its arrays. Raises QServerError for a schema that this version doesn't know."""
    document = parse_result(text)
    return PubResult(
        run=_run_record(document["run"]),
        counts=document.get("counts"),
        quasi_dist=document.get("quasi_dist"),
        expval=_floats(document.get("expval")),
        expval_standard_errors=_floats(document.get("expval_standard_errors")),
        probabilities=document.get("probabilities"),
        arrays=tuple(arrays),
    )


def _floats(numbers: list[float] | None) -> tuple[float, ...] | None:
    return None if numbers is None else tuple(numbers)


def _run_record(document: RunDocument) -> RunRecord:
    cached_from = document.get("cached_from")
    return RunRecord(
        backend=document["backend"],
        method=document["method"],
        device=document["device"],
        float_precision=document["float_precision"],
        shots=document["shots"],
        seed=document["seed"],
        threads=document["threads"],
        reason=document["reason"],
        plugin=document["plugin"],
        plugin_version=document["plugin_version"],
        engine=document["engine"],
        engine_version=document["engine_version"],
        seconds=PhaseSeconds(**document["seconds"]),
        cached_from=None if cached_from is None else UUID(cached_from),
    )
