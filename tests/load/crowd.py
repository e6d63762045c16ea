"""Many clients at once: each with a connection of its own, submitting again and again, refused or not."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import grpc
from grpc import aio

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc

JOBS_A_CALL = 5
CALL_SECONDS = 120.0
_AGAIN_SECONDS = 0.5
_TRIES = 100
_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
CIRCUIT = b'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; rx(1.5) q[0]; cx q[0],q[1]; measure q -> c;'
"""With an angle, as the jobs that are copied from it get circuits of their own by that."""

_REFUSALS = frozenset({grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE})
"""What a server may say that has no room now. All else is a failure, a time-out too: it tells nobody anything."""


@dataclass(slots=True)
class Crowd:
    """What came of the calls of all clients."""

    job_ids: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @property
    def refusals(self) -> int:
        """How many calls were told to come again."""
        return sum(number for name, number in self.answers.items() if name in {code.name for code in _REFUSALS})

    @property
    def failures(self) -> Sequence[str]:
        """Name the answers that no client should get."""
        return sorted(self.answers.keys() - {"OK"} - {code.name for code in _REFUSALS})

    def slowest(self, share: float) -> float:
        """Give the seconds that a share of the calls took at most."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


async def submit_all_at_once(address: str, *, clients: int, calls: int) -> Crowd:
    """Have each client make its calls one after another, all clients at the same time."""
    crowd = Crowd()
    await asyncio.gather(*(_serve(crowd, address, calls) for _ in range(clients)))
    return crowd


async def _serve(crowd: Crowd, address: str, calls: int) -> None:
    async with aio.insecure_channel(address, _OWN_CONNECTION) as channel:
        jobs = jobs_pb2_grpc.JobServiceStub(channel)
        for _ in range(calls):
            await _call_until_accepted(crowd, jobs)


async def _call_until_accepted(crowd: Crowd, jobs: "jobs_pb2_grpc.JobServiceAsyncStub") -> None:
    submissions = [jobs_pb2.JobSubmission(spec=_spec(), source=CIRCUIT) for _ in range(JOBS_A_CALL)]
    for _ in range(_TRIES):
        began_at = time.monotonic()
        try:
            answer = await jobs.SubmitJobs(jobs_pb2.SubmitJobsRequest(submissions=submissions), timeout=CALL_SECONDS)
        except aio.AioRpcError as error:
            if error.code() not in _REFUSALS:
                crowd.answers[f"{error.code().name}: {error.details()}"] += 1
                return
            crowd.answers[error.code().name] += 1
        else:
            crowd.answers["OK"] += 1
            crowd.seconds.append(time.monotonic() - began_at)
            crowd.job_ids += [each.job.id for each in answer.answers if each.HasField("job")]
            return
        await asyncio.sleep(_AGAIN_SECONDS)


def _spec() -> jobs_pb2.JobSpec:
    return jobs_pb2.JobSpec(
        backend="aer", result_types=[jobs_pb2.RESULT_TYPE_COUNTS], shots=100, request_id=str(uuid4())
    )
