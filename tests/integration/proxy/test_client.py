"""The client library through the proxy: one URL for both protocols, with TLS and without."""

import ssl

import pytest

from qserver import AsyncClient, Client
from qserver.client.patience import Patience
from qserver.errors import InvalidCircuit, JobCanceled, Unavailable
from qserver.jobs import JobStatus
from tests.servers.proxy import Proxy

BELL = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1]; measure q -> c;'
_BRIEFLY = Patience(call_seconds=0.5)


def _use(client: Client) -> None:
    """Submit, follow, list and cancel: there is no worker, so jobs stay pending."""
    job = client.submit(BELL)
    assert job.status() is JobStatus.PENDING
    assert job.id in {each.id for each in client.jobs(statuses=["pending"], limit=500)}
    with pytest.raises(InvalidCircuit):
        client.submit("OPENQASM 2.0;\nnothing;")
    assert job.cancel().status is JobStatus.CANCELED
    assert [event.status for event in job.events(timeout_seconds=60)] == [JobStatus.PENDING, JobStatus.CANCELED]
    with pytest.raises(JobCanceled):
        job.result(timeout_seconds=60)
    assert isinstance(client.health(), dict)


def test_over_tls_one_url_and_the_authority_are_enough(proxy: Proxy) -> None:
    with Client(f"https://localhost:{proxy.https_port}", ca=proxy.self_signed) as client:
        _use(client)


def test_in_cleartext_grpc_is_found_where_http_is(proxy: Proxy) -> None:
    with Client(f"http://127.0.0.1:{proxy.http_port}") as client:
        _use(client)


async def test_asyncio_over_tls(proxy: Proxy) -> None:
    async with AsyncClient(f"https://localhost:{proxy.https_port}", ca=proxy.self_signed) as client:
        job = await client.submit(BELL)
        assert (await job.cancel()).status is JobStatus.CANCELED


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(proxy: Proxy) -> None:
    with Client(f"https://localhost:{proxy.https_port}", patience=_BRIEFLY) as client:
        with pytest.raises(Unavailable, match=r"certificate|doesn't answer"):
            client.submit(BELL)
        with pytest.raises(Unavailable, match="certificate"):
            client.health()


def test_the_certificate_must_bear_the_name(proxy: Proxy) -> None:
    assert ssl.create_default_context(cafile=proxy.self_signed).check_hostname
    with (
        Client(f"https://127.0.0.9:{proxy.https_port}", ca=proxy.self_signed, patience=_BRIEFLY) as client,
        pytest.raises(Unavailable),
    ):
        client.submit(BELL)
