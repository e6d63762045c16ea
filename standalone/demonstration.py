"""The demonstration: circuits go in over gRPC, are followed live, and their results are read back over HTTP."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import grpc
import httpx

from qserver.errors import InvalidRequest
from qserver.histogram import histogram
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc

CHUNK_BYTES = 16 * 1024
SUBMIT_SECONDS = 60.0
SHOWN_PROBABILITIES = 8
_REGISTER = re.compile(r"\bqreg\s+\w+\s*\[\s*(\d+)\s*\]|\bqubit\s*\[\s*(\d+)\s*\]\s*\w+|\b(qubit)\s+\w+\s*;")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A circuit to show, and the Pauli strings whose expectation values are asked for."""

    title: str
    source: bytes
    paulis: tuple[str, ...]


def examples(folder: Path) -> tuple[Example, ...]:
    """Give the two circuits of `examples/`: their expectation values are known to be 1."""
    return (
        Example("Bell pair (OpenQASM 2)", (folder / "bell.qasm").read_bytes(), ("ZZ", "XX")),
        Example("GHZ state of 5 qubits (OpenQASM 3)", (folder / "ghz5.qasm").read_bytes(), ("ZIIIZ", "XXXXX")),
    )


def own_example(path: Path) -> Example:
    """Make an example of a user's file, asking for the parity of all its qubits.

    Raises InvalidRequest where the file can't be read.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"can't read the circuit {path}: {error.strerror}") from error
    width = _declared_qubits(source.decode(errors="replace"))
    return Example(path.name, source, ("Z" * width,) if width else ())


def _declared_qubits(source: str) -> int:
    """Sum the literal sizes of the quantum registers; 0 where none is declared so, and no expval is asked for."""
    code = _COMMENT.sub("", source)
    return sum(int(match[1] or match[2] or 1) for match in _REGISTER.finditer(code))


def _spec(example: Example, shots: int) -> jobs_pb2.JobSpec:
    wanted = [jobs_pb2.RESULT_TYPE_COUNTS, jobs_pb2.RESULT_TYPE_QUASI_DIST]
    if example.paulis:
        wanted.append(jobs_pb2.RESULT_TYPE_EXPVAL)
    observables = [
        jobs_pb2.Observable(terms=[jobs_pb2.PauliTerm(pauli=pauli, coefficient=1.0)]) for pauli in example.paulis
    ]
    return jobs_pb2.JobSpec(backend="aer", result_types=wanted, shots=shots, observables=observables)


def _upload(example: Example, shots: int) -> Iterator[jobs_pb2.SubmitJobRequest]:
    yield jobs_pb2.SubmitJobRequest(spec=_spec(example, shots))
    for start in range(0, len(example.source), CHUNK_BYTES):
        yield jobs_pb2.SubmitJobRequest(chunk=example.source[start : start + CHUNK_BYTES])


class Demonstration:
    """Runs examples against a server on this machine, and prints what happens as it happens."""

    def __init__(self, *, grpc_port: int, http_port: int, host: str = "127.0.0.1", key: str = "") -> None:
        """Connect when something is run; as the holder of `key`, where keys are on."""
        self._metadata = (("authorization", f"Bearer {key}"),) if key else ()
        self._channel = grpc.insecure_channel(f"{host}:{grpc_port}")
        self._jobs = jobs_pb2_grpc.JobServiceStub(self._channel)
        self._http = httpx.Client(
            base_url=f"http://{host}:{http_port}", timeout=SUBMIT_SECONDS, headers=dict(self._metadata)
        )
        self._followed: str | None = None
        self._is_canceled = False

    def __enter__(self) -> Self:
        """Give itself; the connections are closed in the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._channel.close()
        self._http.close()

    def run(self, chosen: tuple[Example, ...], *, shots: int) -> bool:
        """Run each example. Gives whether all of them finished.

        A refused circuit is told by the server's sentence, not by a traceback.
        """
        try:
            finished = [self._run(example, shots) for example in chosen if not self._is_canceled]
        except grpc.RpcError as error:
            print(f"  refused: {_sentence(error)}", flush=True)
            return False
        except httpx.HTTPError as error:
            print(f"  the result can't be read: {error}", flush=True)
            return False
        return all(finished)

    def cancel(self) -> None:
        """Cancel the job that is followed and run no other; from another thread. A job that is just over stays so."""
        self._is_canceled = True
        if self._followed is not None:
            with contextlib.suppress(grpc.RpcError):
                request = jobs_pb2.CancelJobRequest(id=self._followed)
                self._jobs.CancelJob(request, timeout=SUBMIT_SECONDS, metadata=self._metadata)

    def _run(self, example: Example, shots: int) -> bool:
        print(f"\n{example.title}, {shots} shots", flush=True)
        upload = _upload(example, shots)
        job_id = self._jobs.SubmitJob(upload, timeout=SUBMIT_SECONDS, metadata=self._metadata).job.id
        print(f"  job {job_id}", flush=True)
        self._followed = job_id
        if self._is_canceled:
            self.cancel()
        if self._follow(job_id).status != jobs_pb2.JOB_STATUS_FINISHED:
            return False
        self._print_result(job_id, example.paulis)
        return True

    def _follow(self, job_id: str) -> jobs_pb2.WatchJobResponse:
        """Print each change of the job's state as it happens, however long it runs; give the last one."""
        last = jobs_pb2.WatchJobResponse()
        for event in self._jobs.WatchJob(jobs_pb2.WatchJobRequest(id=job_id), metadata=self._metadata):
            name = jobs_pb2.JobStatus.Name(event.status).removeprefix("JOB_STATUS_").lower()
            print(f"  {event.at.ToDatetime():%H:%M:%S.%f} {name} {event.message}".rstrip(), flush=True)
            last = event
        return last

    def _print_result(self, job_id: str, paulis: tuple[str, ...]) -> None:
        answer = self._http.get(f"/api/v1/job/result/{job_id}")
        answer.raise_for_status()
        result = answer.json()
        print(histogram(result["counts"]))
        print(f"  quasi_dist {probabilities(result['quasi_dist'])}")
        for pauli, value in zip(paulis, result["expval"], strict=True):
            print(f"  <{pauli}> = {expectation(value)}")


def probabilities(quasi_dist: Mapping[str, float]) -> str:
    """Write the most probable outcomes, and say where there are more."""
    rows = sorted(quasi_dist.items(), key=lambda row: -row[1])
    shown = [f"{outcome}: {probability:.4f}" for outcome, probability in rows[:SHOWN_PROBABILITIES]]
    return ", ".join(shown + ["..."] * (len(rows) > SHOWN_PROBABILITIES))


def expectation(value: float) -> str:
    """Write a value with its sign; what rounds to zero has none."""
    return f"{round(value, 6) + 0.0:+.6f}"


def _sentence(error: grpc.RpcError) -> str:
    """Give the server's sentence. Every error of a call is a `grpc.Call` too, which the stubs don't tell."""
    return str(getattr(error, "details", lambda: error)())
