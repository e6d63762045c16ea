"""A job in a notebook shows itself, and goes on until it is over."""

import asyncio
from collections.abc import Mapping

import pytest

from qserver import AsyncClient, Client
from qserver.client.live_display import follow, follow_in_loop
from qserver.errors import NotFound
from tests.acceptance.test_client import BELL, client  # noqa: F401 - the fixture
from tests.servers.standalone import Standalone

SECONDS = 60
_GATES = "".join(f"cu(0.1,0.2,0.3,0.4) q[{step % 24}], q[{(step + 7) % 24}]; " for step in range(200))
SLOW = f'OPENQASM 3.0; include "stdgates.inc"; qubit[24] q; bit[24] c; {_GATES} c = measure q;'


class Notebook:
    """What a notebook shows in the place of a job: the twin of IPython's display handle."""

    def __init__(self) -> None:
        """Show nothing."""
        self.shown: list[str] = []

    def draw(self, bundle: Mapping[str, str]) -> "Notebook":
        """Show something."""
        self.shown.append(bundle["text/html"])
        return self

    def update(self, bundle: Mapping[str, str], *, raw: bool) -> None:
        """Show something else in its place."""
        assert raw
        self.shown.append(bundle["text/html"])


def test_a_job_is_shown_until_its_counts_are_there(client: Client) -> None:  # noqa: F811
    notebook = Notebook()

    thread = follow(client.submit(BELL, shots=100), notebook.draw)
    thread.join(SECONDS)

    assert not thread.is_alive()
    assert "<code>00</code>" in notebook.shown[-1]
    assert "<progress>" not in notebook.shown[-1]


def test_where_the_client_is_closed_first_that_is_said(box: Standalone) -> None:
    notebook = Notebook()
    with Client(box.url) as other:
        job = other.submit(SLOW, backend="aer_statevector")
        thread = follow(job, notebook.draw)
        first = notebook.shown[0]
    thread.join(SECONDS)
    with Client(box.url) as other:
        other.job(job.id).cancel()

    assert "<progress>" in first
    assert "no longer followed" in notebook.shown[-1]


def test_a_job_that_is_gone_is_not_shown(client: Client) -> None:  # noqa: F811
    job = client.submit(BELL, shots=100)
    job.result(SECONDS)
    job.delete()

    with pytest.raises(NotFound, match=job.id):
        follow(job, Notebook().draw)


async def test_a_job_of_asyncio_is_shown_until_its_counts_are_there(box: Standalone) -> None:
    notebook = Notebook()
    async with AsyncClient(box.url) as other:
        job = await other.submit(BELL, shots=100)

        await asyncio.wait_for(follow_in_loop(job, notebook.draw), SECONDS)

    assert job.id in notebook.shown[0]
    assert "<progress>" in notebook.shown[0]
    assert "<code>00</code>" in notebook.shown[-1]
    assert "<progress>" not in notebook.shown[-1]


async def test_where_the_client_of_a_loop_is_closed_first_that_is_said(box: Standalone) -> None:
    notebook = Notebook()
    async with AsyncClient(box.url) as other:
        job = await other.submit(SLOW, backend="aer_statevector")
        following = follow_in_loop(job, notebook.draw)
        await anext(job.events())
    await asyncio.wait({following}, timeout=SECONDS)
    with Client(box.url) as other:
        other.job(job.id).cancel()

    assert following.done()
    assert "no longer followed: its client was closed" in notebook.shown[-1]


async def test_of_a_job_of_asyncio_that_is_gone_that_is_said(box: Standalone) -> None:
    notebook = Notebook()
    async with AsyncClient(box.url) as other:
        job = await other.submit(BELL, shots=100)
        await job.result(SECONDS)
        await job.delete()

        await asyncio.wait_for(follow_in_loop(job, notebook.draw), SECONDS)

    assert "no longer followed" in notebook.shown[-1]
