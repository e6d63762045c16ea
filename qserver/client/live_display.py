"""A job in a notebook that shows itself, and goes on as it waits, runs and ends."""

from asyncio import CancelledError, Task, get_running_loop
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from importlib import import_module
from threading import Thread
from typing import Protocol

from grpc.aio import UsageError

from qserver.client.display import asked_job_html, lost_job_html
from qserver.client.job_info import JobUpdate
from qserver.errors import QServerError

Bundle = Mapping[str, str]

_CLOSED = "its client was closed"


class FollowedJob(Protocol):
    """What is asked of a job: it is the one of `qserver.client.jobs`, which shows itself by this module."""

    id: str

    def _repr_html_(self) -> str: ...

    def events(self) -> Iterator[JobUpdate]:
        """Give its changes, past ones first, up to the final one."""


class FollowedAsyncJob(Protocol):
    """The same of a job of asyncio: it is the one of `qserver.client.async_jobs`."""

    id: str

    async def html(self) -> str:
        """Write where it is, and its result once it has one."""

    def events(self) -> AsyncGenerator[JobUpdate, None]:
        """Give its changes, past ones first, up to the final one."""


class Picture(Protocol):
    """What a notebook shows, and shows otherwise when it is told to: IPython's DisplayHandle."""

    def update(self, bundle: Bundle, *, raw: bool) -> None:
        """Show something else in its place."""


_followers: set[Task[None]] = set()
"""Held here while they run: a loop alone doesn't keep its tasks."""

Draw = Callable[[Bundle], Picture]


def show(job: FollowedJob) -> None:
    """Show a job by IPython, which is there: it asked. In a notebook it is followed; at a terminal it is named."""
    display = import_module("IPython.display").display
    if getattr(import_module("IPython").get_ipython(), "kernel", None) is None:
        display({"text/plain": repr(job)}, raw=True)
        return
    follow(job, lambda bundle: display(bundle, raw=True, display_id=True))


def follow(job: FollowedJob, draw: Draw) -> Thread:
    """Draw a job, and draw it anew at each of its events, in a thread that ends with the last one. Gives the thread.

    Asks the server. Raises what it refuses with, or Unavailable.
    """
    picture = draw(_bundle(job, job._repr_html_()))
    thread = Thread(target=_go_on, args=(job, picture), name=f"show-{job.id}", daemon=True)
    thread.start()
    return thread


def show_in_loop(job: FollowedAsyncJob) -> None:
    """Show a job of asyncio by IPython likewise: in a notebook, whose cells run in a loop, it is followed."""
    display = import_module("IPython.display").display
    if getattr(import_module("IPython").get_ipython(), "kernel", None) is None:
        display({"text/plain": repr(job)}, raw=True)
        return
    follow_in_loop(job, lambda bundle: display(bundle, raw=True, display_id=True))


def follow_in_loop(job: FollowedAsyncJob, draw: Draw) -> Task[None]:
    """Draw a job, and draw it anew at each of its events, in a task of the running loop. Gives the task.

    The first picture has the id alone: who shows an object can't await what the server says of it.
    """
    picture = draw(_bundle(job, asked_job_html(job.id)))
    task = get_running_loop().create_task(_go_on_in_loop(job, picture), name=f"show-{job.id}")
    _followers.add(task)
    task.add_done_callback(_followers.discard)
    return task


async def _go_on_in_loop(job: FollowedAsyncJob, picture: Picture) -> None:
    try:
        async with aclosing(job.events()) as events:
            async for _ in events:
                picture.update(_bundle(job, await job.html()), raw=True)
    except QServerError as error:
        picture.update(_bundle(job, lost_job_html(job.id, str(error))), raw=True)
    except UsageError:  # by gRPC where the client was closed between two calls
        picture.update(_bundle(job, lost_job_html(job.id, _CLOSED)), raw=True)
    except CancelledError:  # by gRPC where it is closed within one, or with the loop
        picture.update(_bundle(job, lost_job_html(job.id, _CLOSED)), raw=True)
        raise


def _go_on(job: FollowedJob, picture: Picture) -> None:
    try:
        for _ in job.events():
            picture.update(_bundle(job, job._repr_html_()), raw=True)
    except QServerError as error:
        picture.update(_bundle(job, lost_job_html(job.id, str(error))), raw=True)
    except ValueError:  # gRPC's, where the client was closed
        picture.update(_bundle(job, lost_job_html(job.id, _CLOSED)), raw=True)


def _bundle(job: FollowedJob | FollowedAsyncJob, html: str) -> Bundle:
    return {"text/html": html, "text/plain": repr(job)}
