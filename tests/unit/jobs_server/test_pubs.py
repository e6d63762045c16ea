"""Jobs of PUBs on their way in, as clients see it."""

import struct
from collections.abc import Iterable, Sequence

import pytest
from grpc import StatusCode, aio

from qserver.rpc.v1 import jobs_pb2
from tests.unit.jobs_server.builders import BELL, FILE_PLUGIN_BACKEND
from tests.unit.jobs_server.served import Served

Z = jobs_pb2.Observable(terms=[jobs_pb2.PauliTerm(pauli="ZZ", coefficient=1.0)])


def a_spec(**fields: object) -> jobs_pb2.JobSpec:
    return jobs_pb2.JobSpec(**{"backend": "aer", "result_types": [jobs_pb2.RESULT_TYPE_EXPVAL], **fields})  # type: ignore[arg-type]


def a_pub(**fields: object) -> jobs_pb2.Pub:
    return jobs_pb2.Pub(**{"source": BELL, "observables": [Z], **fields})  # type: ignore[arg-type]


async def sent(served: Served, *messages: jobs_pb2.JobSpec | jobs_pb2.Pub) -> jobs_pb2.Job:
    requests = [
        jobs_pb2.SubmitPubsRequest(spec=each)
        if isinstance(each, jobs_pb2.JobSpec)
        else jobs_pb2.SubmitPubsRequest(pub=each)
        for each in messages
    ]
    return (await served.v1.SubmitPubs(iter(requests))).job


async def refused(served: Served, *messages: jobs_pb2.JobSpec | jobs_pb2.Pub) -> tuple[StatusCode, str]:
    with pytest.raises(aio.AioRpcError) as caught:
        await sent(served, *messages)
    return caught.value.code(), caught.value.details() or ""


def packed(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


async def test_a_list_of_pubs_becomes_one_job(served: Served) -> None:
    job = await sent(served, a_spec(shots=7), a_pub(), a_pub(source=b"", shape=[2, 3], observables_shape=[1]))

    assert job.num_pubs == 2
    assert (job.status, job.spec.shots) == (jobs_pb2.JOB_STATUS_PENDING, 7)
    assert served.upload_bytes == 0
    stored = served.read(job.id)
    assert stored.request.num_pubs == 2


async def test_a_circuit_that_pubs_share_is_read_once(served: Served) -> None:
    await sent(served, a_spec(), a_pub(), a_pub(source=b""), a_pub())

    assert served.inspectors.inspected == [BELL]


async def test_a_repeated_request_id_gets_the_first_job(served: Served) -> None:
    spec = a_spec(request_id="mine")

    first, again = await sent(served, spec, a_pub(), a_pub()), await sent(served, spec, a_pub(), a_pub())

    assert first.id == again.id
    code, _ = await refused(served, spec, a_pub())
    assert code is StatusCode.ALREADY_EXISTS


BAD_PUBS: Iterable[tuple[jobs_pb2.Pub, str]] = [
    (a_pub(parameters=["a"], values=packed(1.0)), "values are given for 'a', which the circuit doesn't have"),
    (a_pub(parameters=["a"], values=b"1234567"), "values are 7 bytes; 1 sets of 1 float64 are 8"),
    (a_pub(shape=[3], parameters=["a"], values=packed(1.0)), "values are 8 bytes; 3 sets of 1 float64 are 24"),
    (a_pub(parameters=["a", "a"], values=packed(1.0, 2.0)), "the parameter 'a' is named twice"),
    (
        a_pub(parameters=[f"p{number}" for number in range(9999)] + ["p9998"], values=packed(*[1.0] * 10_000)),
        "the parameter 'p9998' is named twice",
    ),
    (a_pub(parameters=["a" * 1000] * 2, values=packed(1.0, 2.0)), f"the parameter '{'a' * 200}…' is named twice"),
    (a_pub(parameters=["a"] * 10_000), "values are 0 bytes; 1 sets of 10,000 float64 are 80,000"),
    (a_pub(parameters=[""], values=packed(1.0)), "a parameter's name must be printable"),
    (a_pub(parameters=["a"], values=packed(float("nan"))), "is NaN or infinite"),
    (a_pub(parameters=["a", "b"], values=packed(float("inf"), float("-inf"))), "is NaN or infinite"),
    (a_pub(shape=[-1]), "no size can be below 0"),
    (a_pub(shape=[-2, -2]), "no size can be below 0"),
    (a_pub(shape=[1] * 33), "shape has 33 axes; the limit is 32"),
    (a_pub(observables_shape=[2]), "1 observables are sent; the shape (2,) holds 2"),
    (a_pub(shape=[2], observables=[Z] * 3, observables_shape=[3]), "don't broadcast"),
    (a_pub(shots=0), "shots is 0"),
    (a_pub(precision=-1.0), "precision is -1.0"),
    (a_pub(source=BELL + b"syntax error"), "unexpected token"),
    (a_pub(observables=[jobs_pb2.Observable(terms=[jobs_pb2.PauliTerm(pauli="Z")])]), "a Pauli string of 1 letters"),
]


@pytest.mark.parametrize(("bad", "words"), BAD_PUBS)
async def test_a_bad_pub_refuses_the_job_and_is_named(served: Served, bad: jobs_pb2.Pub, words: str) -> None:
    code, details = await refused(served, a_spec(), a_pub(), bad)

    assert code is StatusCode.INVALID_ARGUMENT
    assert "PUB 1: " in details
    assert words in details


async def test_values_that_only_their_sum_passes_are_taken(served: Served) -> None:
    code, details = await refused(served, a_spec(), a_pub(parameters=["a", "b"], values=packed(1.7e308, 1.7e308)))

    assert code is StatusCode.INVALID_ARGUMENT
    assert "which the circuit doesn't have" in details  # the circuit's fault, not the numbers'


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (a_spec(observables=[Z]), "each PUB brings its own"),
        (a_spec(cache=True), "cache is for jobs of one circuit"),
        (a_spec(result_types=[jobs_pb2.RESULT_TYPE_COUNTS]), "a PUB gives either memory or expval"),
        (a_spec(backend=FILE_PLUGIN_BACKEND), "runs single circuits, no PUBs"),
        (a_spec(backend="nowhere"), "backend 'nowhere' is unknown"),
    ],
)
async def test_a_spec_that_is_none_of_pubs_is_refused(served: Served, spec: jobs_pb2.JobSpec, words: str) -> None:
    code, details = await refused(served, spec, a_pub())

    assert code is StatusCode.INVALID_ARGUMENT
    assert words in details


async def test_messages_in_another_order_are_refused(served: Served) -> None:
    for messages in ((a_pub(),), (a_spec(),), (a_spec(), a_spec()), ()):
        code, details = await refused(served, *messages)

        assert code is StatusCode.INVALID_ARGUMENT
        assert "the first message carries the spec" in details
    assert served.upload_bytes == 0


@pytest.mark.parametrize(
    ("pubs", "name"),
    [
        ([a_pub()] * 1001, "QSERVER_MAX_PUBS"),
        ([a_pub(source=BELL + b" " * 9000)] * 30, "QSERVER_MAX_CALL_BYTES"),
        ([a_pub(shape=[200_000])], "QSERVER_MAX_POINTS"),
        ([a_pub(shape=[60_000])] * 2, "QSERVER_MAX_POINTS"),
        ([a_pub(shape=[70_000], observables=[Z] * 70, observables_shape=[70, 1])], "QSERVER_MAX_RESULT_BYTES"),
    ],
)
async def test_what_passes_a_limit_is_refused_with_its_name(
    served: Served, pubs: Sequence[jobs_pb2.Pub], name: str
) -> None:
    code, details = await refused(served, a_spec(), *pubs)

    assert code is StatusCode.INVALID_ARGUMENT
    assert name in details
    assert served.upload_bytes == 0


async def test_a_first_pub_without_a_circuit_is_refused(served: Served) -> None:
    code, details = await refused(served, a_spec(), a_pub(source=b""))

    assert code is StatusCode.INVALID_ARGUMENT
    assert "PUB 0: circuit is empty" in details
