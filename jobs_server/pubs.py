"""Jobs of PUBs on their way in: each PUB is admitted as any submission is, and all of them become one job."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from database.jobs.pubs import pubs_content
from database.records import NewJob, NewPub
from jobs_server.admission import Submission
from jobs_server.requests import pub_run
from jobs_server.sweep_limits import check_pubs, of_pub
from jobs_server.upload import Upload
from qserver.errors import InvalidRequest, TooLarge
from qserver.identity import Identity
from qserver.jobs import JobRequest, RunRequest
from qserver.noise_models import NoiseModel
from qserver.plugins import GPU_ROUTE, LARGE_ROUTE, Plan
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import LimitSettings


@dataclass(frozen=True, slots=True)
class SentPub:
    """A PUB as a client sent it."""

    source: bytes
    run: RunRequest


@dataclass(frozen=True, slots=True)
class PubSubmission:
    """What a client sends for one job of PUBs. The `run` of the request is what they have in common."""

    identity: Identity
    request: JobRequest
    pubs: tuple[SentPub, ...]
    noise_model: NoiseModel | None = None  # that the options of all of them refer to, where it came along
    size_bytes: int = 0  # of the messages that it came in


async def receive_pubs(
    stream: AsyncIterator[jobs_pb2.SubmitPubsRequest], upload: Upload, limits: LimitSettings
) -> tuple[jobs_pb2.JobSpec, Sequence[jobs_pb2.Pub]]:
    """Read a client's stream to its end: the spec first, then the PUBs, each with its source.

    Raises InvalidRequest where the order is another, TooLarge for too many PUBs or bytes.
    """
    spec: jobs_pb2.JobSpec | None = None
    pubs: list[jobs_pb2.Pub] = []
    async for message in upload.messages(stream):
        match message.WhichOneof("data"):
            case "spec" if spec is None:
                spec = message.spec
            case "pub" if spec is not None:
                pubs.append(_with_source(message.pub, pubs))
                upload.hold(pubs[-1].ByteSize())
                _check_number(pubs, limits)
            case _:
                raise InvalidRequest("the first message carries the spec, and each that follows a PUB")
    if spec is None or not pubs:
        raise InvalidRequest("no PUBs were sent; the first message carries the spec, and each that follows a PUB")
    return spec, pubs


def _with_source(pub: jobs_pb2.Pub, before: Sequence[jobs_pb2.Pub]) -> jobs_pb2.Pub:
    if not pub.source and before:
        pub.source = before[-1].source
    return pub


def _check_number(pubs: Sequence[jobs_pb2.Pub], limits: LimitSettings) -> None:
    if len(pubs) > limits.max_pubs:
        raise TooLarge(f"more than {limits.max_pubs:,} PUBs; that is the limit (QSERVER_MAX_PUBS)")


def read_pubs(
    request: JobRequest, spec: jobs_pb2.JobSpec, pubs: Sequence[jobs_pb2.Pub], limits: LimitSettings
) -> tuple[SentPub, ...]:
    """Read messages. Raises InvalidRequest for a spec that is not one of PUBs, or TooLarge naming a PUB."""
    if spec.observables:
        raise InvalidRequest("a spec of PUBs has no observables; each PUB brings its own")
    if request.cache:
        raise InvalidRequest("cache is for jobs of one circuit; jobs of PUBs are always run")
    return tuple(_read_pub(request.run, pub, place, limits) for place, pub in enumerate(pubs))


def _read_pub(run: RunRequest, pub: jobs_pb2.Pub, place: int, limits: LimitSettings) -> SentPub:
    with of_pub(place):
        return SentPub(pub.source, pub_run(run, pub, limits))


def submissions_of(submission: PubSubmission, limits: LimitSettings) -> Sequence[Submission]:
    """Give each PUB as a submission of its own. Raises InvalidRequest or TooLarge naming the PUB that can't be one."""
    check_pubs([pub.run for pub in submission.pubs], limits)
    return [
        Submission(
            submission.identity,
            replace(submission.request, run=pub.run, num_pubs=len(submission.pubs)),
            pub.source,
            submission.noise_model,
            spec_bytes=submission.size_bytes // len(submission.pubs),
        )
        for pub in submission.pubs
    ]


def as_one(submission: PubSubmission) -> Submission:
    """Give the submission as repeats are told by: what it says of all PUBs stands in for a source."""
    content = pubs_content((pub.source, pub.run) for pub in submission.pubs)
    run = replace(submission.pubs[0].run, sweep=None)
    request = replace(submission.request, run=run, num_pubs=len(submission.pubs))
    return Submission(submission.identity, request, content)


def joined(admitted: Sequence[NewJob | Exception]) -> NewJob:
    """Make one job of PUBs that were admitted one by one. Raises why one of them was refused, naming it."""
    pubs = [_unless_refused(found, place) for place, found in enumerate(admitted)]
    first = pubs[0].request
    return replace(
        pubs[0],
        request=replace(first, run=replace(first.run, sweep=None)),
        route=_route([pub.route for pub in pubs]),
        plan=_joined_plan([pub.plan for pub in pubs]),
        pubs=tuple(NewPub(pub.circuit, pub.circuit_sha256, pub.request.run, pub.plan) for pub in pubs),
    )


def _joined_plan(plans: Sequence[Plan]) -> Plan:
    """Plan them one after the other, in the process that the most demanding needs."""
    return replace(
        plans[0],
        device="GPU" if any(plan.device == "GPU" for plan in plans) else plans[0].device,
        threads=min(plan.threads for plan in plans),
        memory_bytes=max(plan.memory_bytes for plan in plans),
        seconds=sum(plan.seconds for plan in plans),
    )


def _route(routes: Sequence[str]) -> str:
    return next((route for route in (GPU_ROUTE, LARGE_ROUTE) if route in routes), routes[0])


def _unless_refused(found: NewJob | Exception, place: int) -> NewJob:
    if isinstance(found, Exception):
        with of_pub(place):
            raise found
    return found
