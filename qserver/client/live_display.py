"""A job in a notebook that shows itself, and goes on as it waits, runs and ends."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from threading import Thread
from typing import Protocol

from qserver.client.display import lost_job_html
from qserver.client.job_info import JobUpdate
from qserver.errors import QServerError

Bundle = Mapping[str, str]


class FollowedJob(Protocol):
    """What is asked of a job: it is the one of `qserver.client.jobs`, which shows itself by this module."""

    id: str

    def _repr_html_(self) -> str: ...

    def events(self) -> Iterator[JobUpdate]:
        """Give its changes, past ones first, up to the final one."""


class Picture(Protocol):
    """What a notebook shows, and shows otherwise when it is told to: IPython's DisplayHandle."""

    def update(self, bundle: Bundle, *, raw: bool) -> None:
        """Show something else in its place."""


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


def _go_on(job: FollowedJob, picture: Picture) -> None:
    try:
        for _ in job.events():
            picture.update(_bundle(job, job._repr_html_()), raw=True)
    except (QServerError, ValueError) as error:  # the latter is gRPC's, where the client was closed
        picture.update(_bundle(job, lost_job_html(job.id, str(error))), raw=True)


def _bundle(job: FollowedJob, html: str) -> Bundle:
    return {"text/html": html, "text/plain": repr(job)}
