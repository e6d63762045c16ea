"""`qserver cancel` and `qserver delete`."""

from collections.abc import Callable

import typer

from qserver.cli.exit_codes import ExitCode, exit_code_of
from qserver.cli.screen import Screen
from qserver.cli.session import JobIds, Json, named_ids, server_of
from qserver.client.jobs import Job
from qserver.errors import QServerError


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(cancel)
    app.command()(delete)


def cancel(context: typer.Context, ids: JobIds, as_json: Json = False) -> None:  # noqa: FBT002 - a flag of the command line
    """Stop jobs, waiting or running."""
    _each(context, ids, Job.cancel, "canceled", is_json=as_json)


def delete(context: typer.Context, ids: JobIds, as_json: Json = False) -> None:  # noqa: FBT002
    """Remove jobs with their results."""
    _each(context, ids, Job.delete, "deleted", is_json=as_json)


def _each(context: typer.Context, ids: list[str], change: Callable[[Job], object], done: str, *, is_json: bool) -> None:
    """Change every job that can be; the status is the largest of those that couldn't."""
    screen, status = Screen(is_json=is_json), ExitCode.DONE
    with server_of(context).client() as client:
        for job_id in named_ids(ids):
            try:
                change(client.job(job_id))
            except QServerError as error:
                status = max(status, exit_code_of(error))
                screen.failure(job_id, error)
            else:
                screen.document({"id": job_id, "done": done}) if is_json else screen.text(f"{job_id} {done}")
    raise typer.Exit(status)
