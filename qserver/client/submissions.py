"""What is sent: one spec for all circuits, each with a request_id of its own, in calls that the server takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import NamedTuple, TypedDict
from uuid import uuid4

from google.protobuf.struct_pb2 import Struct

from qserver import wire
from qserver.circuits import CircuitSource
from qserver.client.circuits import AnyCircuit, CircuitWriter, UnreadSource, are_written_as_qpy
from qserver.client.noise import apart, whole
from qserver.client.observables import AnyObservable, to_observables
from qserver.client.spec_fields import set_field
from qserver.errors import InvalidRequest
from qserver.jobs import Observable
from qserver.json_types import JsonObject
from qserver.results import ResultType
from qserver.rpc.v1 import jobs_pb2

DEFAULT_BACKEND = "auto"
DEFAULT_RESULTS = (ResultType.COUNTS,)
JOBS_A_CALL = 250
BYTES_A_CALL = 2 * 1024 * 1024
"""Below what gRPC servers take by default, with room for specs. A circuit that is larger alone is streamed."""
CHUNK_BYTES = 256 * 1024
_PLAIN = ("backend", "shots", "seed", "precision", "priority", "time_limit_seconds", "request_id", "cache")


class Wishes(TypedDict, total=False):
    """How circuits are to be run: the keyword arguments of `submit`.

    `shots` is 1,000 where absent. `seed` makes counts repeat. `precision` is the wanted standard error of expectation
    values; they are exact without. `observables` are asked for by expval: `"ZZ"`, `{"ZZ": 0.5, "XI": 1.0}`, a
    SparsePauliOp, or a list of those; the rightmost letter is qubit 0. `options` are the backend's (`qserver backends`
    shows them). `priority` is -100 to 100. `time_limit_seconds` fails a job that runs longer, `expires_at` (aware) one
    that has not started by then. `request_id` names the submission: sent again it gets the first job; of many circuits
    each gets `-0`, `-1`, ... behind it. `cache` takes the stored result of an equal job.
    """

    backend: str
    results: Sequence[ResultType | str]
    shots: int | None
    seed: int | None
    precision: float | None
    observables: AnyObservable | Sequence[object] | None
    options: JsonObject | None
    metadata: JsonObject | None
    priority: int
    time_limit_seconds: float | None
    expires_at: datetime | None
    request_id: str | None
    cache: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Submissions of one call, the first of them at `start` in the list they are from."""

    start: int
    submissions: Sequence[jobs_pb2.JobSubmission]
    noise_model: bytes = b""  # the text of the one that all of them name, if any

    @property
    def is_streamed(self) -> bool:
        """Whether the one circuit in it goes in pieces."""
        return len(self.submissions) == 1 and len(self.submissions[0].source) > BYTES_A_CALL


class Written(NamedTuple):
    """Circuits as they are sent, and the text of the noise model that all of them name, if any."""

    submissions: list[jobs_pb2.JobSubmission]
    noise_model: bytes


def spec_of(wishes: Wishes) -> jobs_pb2.JobSpec:
    """Write what is wished for. Raises InvalidRequest for words that don't exist, and values that no field holds."""
    _check_names(wishes)
    spec = jobs_pb2.JobSpec(
        backend=DEFAULT_BACKEND,
        result_types=[_result_type(name) for name in _results(wishes)],
        observables=[_observable(observable) for observable in to_observables(wishes.get("observables"))],
        options=_struct(wishes.get("options"), name="options"),
        metadata=_struct(wishes.get("metadata"), name="metadata"),
    )
    for name in _PLAIN:
        set_field(spec, name, wishes.get(name))
    if (expires_at := wishes.get("expires_at")) is not None:
        spec.expires_at.FromDatetime(_aware(expires_at))
    return spec


def written(
    circuits: Sequence[AnyCircuit], wishes: Wishes, qpy_versions: Sequence[int] = (), *, is_many: bool
) -> Written:
    """Write circuits as they are sent, each with what is wished for; QPY in one of these versions, if any are known.

    Raises InvalidRequest where there are none, and for words that don't exist.
    """
    if not circuits:
        raise InvalidRequest("the list of circuits is empty")
    sources = CircuitWriter(qpy_versions=qpy_versions).write_all(circuits)
    options, noise_model = apart(wishes.get("options"))
    spec = spec_of({**wishes, "options": options})
    return Written(submissions_of(spec, sources, wishes.get("request_id"), is_many=is_many), noise_model)


def backend_to_ask(circuits: Sequence[AnyCircuit], wishes: Wishes) -> str | None:
    """Name the backend whose versions of QPY are to be known before the circuits are written; None where none are."""
    return wishes.get("backend", DEFAULT_BACKEND) if are_written_as_qpy(circuits) else None


def submissions_of(
    spec: jobs_pb2.JobSpec, sources: Sequence[CircuitSource | UnreadSource], request_id: str | None, *, is_many: bool
) -> list[jobs_pb2.JobSubmission]:
    """Write a submission a circuit, each with a name of its own."""
    submissions = []
    for circuit in sources:
        submission = jobs_pb2.JobSubmission(spec=spec, source=circuit.source)
        if isinstance(circuit, CircuitSource):
            submission.spec.circuit_format = wire.FORMATS[circuit.circuit_format]
        submissions.append(submission)
    name_all(submissions, request_id, is_many=is_many)
    return submissions


def name_all(submissions: Sequence[jobs_pb2.JobSubmission], request_id: str | None = None, *, is_many: bool) -> None:
    """Give each submission its own name, so that it may be sent again after a lost answer and run once.

    Without `request_id` the name is a new one; of many, each gets its place behind it.
    """
    name = request_id or str(uuid4())
    for place, submission in enumerate(submissions):
        submission.spec.request_id = f"{name}-{place}" if is_many else name


def batches_of(submissions: Sequence[jobs_pb2.JobSubmission], noise_model: bytes = b"") -> Iterator[Batch]:
    """Part submissions into calls of at most 250 jobs and 2 MiB of circuits; a larger circuit goes alone."""
    start = size_bytes = 0
    for position, submission in enumerate(submissions):
        is_full = position - start == JOBS_A_CALL or size_bytes + len(submission.source) > BYTES_A_CALL
        if is_full and position > start:
            yield Batch(start, submissions[start:position], noise_model)
            start, size_bytes = position, 0
        size_bytes += len(submission.source)
    if start < len(submissions):
        yield Batch(start, submissions[start:], noise_model)


def pieces_of(submission: jobs_pb2.JobSubmission, noise_model: bytes = b"") -> Iterator[jobs_pb2.SubmitJobRequest]:
    """Give a submission as SubmitJob wants it: the spec, then the circuit in pieces."""
    yield jobs_pb2.SubmitJobRequest(spec=whole(submission.spec, noise_model))
    for start in range(0, len(submission.source), CHUNK_BYTES):
        yield jobs_pb2.SubmitJobRequest(chunk=submission.source[start : start + CHUNK_BYTES])


def _check_names(wishes: Wishes) -> None:
    if unknown := sorted(set(wishes) - Wishes.__optional_keys__):
        near = get_close_matches(unknown[0], Wishes.__optional_keys__, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        known = ", ".join(sorted(Wishes.__optional_keys__))
        raise InvalidRequest(f"submit knows no keyword {unknown[0]!r}{meant} (known: {known})")


def _aware(expires_at: datetime) -> datetime:
    if not isinstance(expires_at, datetime):
        raise InvalidRequest(f"expires_at is {expires_at!r}; it must be a datetime with a time zone")
    if expires_at.tzinfo is None:
        raise InvalidRequest(f"expires_at is {expires_at.isoformat()}, which names no time zone")
    return expires_at


def _results(wishes: Wishes) -> Sequence[ResultType | str]:
    results = wishes.get("results", DEFAULT_RESULTS)
    if isinstance(results, str):
        return [results]
    if not isinstance(results, Sequence):
        raise InvalidRequest(f"results is {results!r}; it must be a list of {', '.join(ResultType)}")
    return results


def _result_type(name: ResultType | str) -> jobs_pb2.ResultType.ValueType:
    try:
        return wire.RESULT_TYPES[ResultType(name)]
    except ValueError:
        raise InvalidRequest(f"result type '{name}' is unknown; known: {', '.join(ResultType)}") from None


def _observable(observable: Observable) -> jobs_pb2.Observable:
    terms = [jobs_pb2.PauliTerm(pauli=term.pauli, coefficient=term.coefficient) for term in observable.terms]
    return jobs_pb2.Observable(terms=terms)


def _struct(members: JsonObject | None, *, name: str) -> Struct | None:
    if members is None:
        return None
    struct = Struct()
    try:
        struct.update(members)
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidRequest(f"{name} must be a JSON object: {error}") from error
    return struct
