"""`qserver result`, `jobs` and `show`: what became of circuits."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from qserver.cli.documents import outcome_document, record_of
from qserver.cli.exit_codes import ExitCode, exit_code_of
from qserver.cli.screen import Screen, moment, styled_status
from qserver.cli.session import JobIds, Json, Timeout, named_ids, server_of
from qserver.cli.watching import watched
from qserver.client.client import Client
from qserver.client.job_info import JobInfo, JobUpdate
from qserver.client.jobs import Job
from qserver.client.results import Result
from qserver.errors import InvalidRequest, QServerError

_PICTURES = (".png", ".svg")
_MOST_BEFORE = 500
"""So many jobs come at most before those that change."""
_COLUMNS = ("id", "status", "backend", "shots", "submitted", "reason")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (result, jobs, show):
        app.command()(command)


def result(
    context: typer.Context,
    ids: JobIds,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the counts into a .png or .svg, of several PUBs each into one."),
    ] = None,
    timeout: Timeout = None,
    as_json: Json = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Wait for jobs, and show their results."""
    screen, status = Screen(is_json=as_json), ExitCode.DONE
    named = named_ids(ids)
    if plot is not None:
        _check_picture(plot, named)
    with server_of(context).client() as client:
        for job_id, outcome in watched(client.named_jobs(named), {each: each for each in named}, screen, timeout):
            if as_json:
                screen.document(outcome_document(job_id, outcome))
            if isinstance(outcome, QServerError):
                status = exit_code_of(outcome)
                screen.failure(job_id, outcome)
                continue
            for number, each in enumerate(outcome):
                if not as_json:
                    screen.result(job_id, each)
                if plot is not None:
                    _draw(each, picture_of(plot, number, len(outcome)))
    raise typer.Exit(status)


def jobs(
    context: typer.Context,
    status: Annotated[list[str] | None, typer.Option("--status", "-s", help="Only these.")] = None,
    user: Annotated[str, typer.Option("--user", "-u", help="Of this user, for administrators.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 20,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,  # noqa: FBT002
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones and changes.")] = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """List your jobs, newest first; with --follow oldest first, and on until Ctrl-C.

    An administrator's list has everybody's jobs, and says whose each is.
    """
    screen = Screen(is_json=as_json)
    with server_of(context).client() as client:
        if follow:
            followed = client.watch_jobs(statuses=status or (), limit=_MOST_BEFORE if everything else limit, user=user)
            _write(followed, screen, myself="" if as_json else _myself(client))
            return
        found = client.jobs(statuses=status or (), limit=None if everything else limit, user=user)
        if as_json:
            _write(found, screen)
        else:
            _tabulate(list(found), screen, myself=_myself(client))


def show(context: typer.Context, job_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:  # noqa: FBT002
    """Show all that is known of a job, and what happened to it: when, by whom, and, to administrators, from where."""
    screen = Screen(is_json=as_json)
    with server_of(context).client() as client:
        job = client.job(job_id)
        info = job.info()
        updates = list(_updates_of(job, info))
    if as_json:
        screen.document({**record_of(info), "events": [record_of(update) for update in updates]})
        return
    for name, value in record_of(info).items():
        if value not in (None, "", (), {}):
            screen.text(f"{name:<15} {', '.join(map(str, value)) if isinstance(value, tuple) else value}")
    for update in updates:
        screen.text(_told(update))


def _updates_of(job: Job, info: JobInfo) -> Iterator[JobUpdate]:
    """Give what happened to a job so far, without waiting for more."""
    for update in job.events():
        yield update
        if update.sequence >= info.event_sequence:
            return


def _told(update: JobUpdate) -> str:
    by = f"by {update.actor}" if update.actor else ""
    origin = f"from {update.address}" if update.address else ""
    why = str(update.reason or "")
    return "  ".join(filter(None, (moment(update.at), f"{update.status:<8}", by, origin, why)))


def _check_picture(path: Path, job_ids: Sequence[str]) -> None:
    """Refuse, before anybody waits, what can't be drawn. Raises InvalidRequest."""
    if path.suffix.lower() not in _PICTURES:
        raise InvalidRequest(f"--plot {path}: the name must end in {' or '.join(_PICTURES)}")
    if len(job_ids) != 1:
        raise InvalidRequest(f"--plot draws one job; {len(job_ids)} are named")


def picture_of(path: Path, number: int, results: int) -> Path:
    """Name the picture of one result of a job: that path, with the result's number where it has several."""
    return path if results == 1 else path.with_stem(f"{path.stem}-{number}")


def _draw(result: Result, path: Path) -> None:
    try:
        result.plot().savefig(path)
    except OSError as error:
        raise InvalidRequest(f"can't write {path}: {error.strerror}") from error


def _myself(client: Client) -> str:
    """Give the name by which the server knows who asks."""
    me = client.me()
    return str(me.get("name", "")) if isinstance(me, dict) else ""


def _tabulate(found: Sequence[JobInfo], screen: Screen, *, myself: str) -> None:
    """Write a table, with a column of owners where any of them is somebody else."""
    rows = [(job.id, styled_status(job.status), *_row(job)[2:]) for job in found]
    if not any(_is_anothers(job, myself) for job in found):
        screen.table(_COLUMNS, rows)
    else:
        screen.table((*_COLUMNS, "owner"), [(*row, escape(job.owner)) for row, job in zip(rows, found, strict=True)])


def _write(found: Iterable[JobInfo], screen: Screen, *, myself: str = "") -> None:
    for job in found:
        if screen.is_json:
            screen.document(record_of(job))
        else:
            screen.text("  ".join((*_row(job), *((job.owner,) if _is_anothers(job, myself) else ()))))


def _is_anothers(job: JobInfo, myself: str) -> bool:
    return job.owner not in {"", myself}  # a server of before names no owners


def _row(job: JobInfo) -> tuple[str, ...]:
    return (job.id, job.status, job.backend, f"{job.shots:,}", moment(job.submitted_at), str(job.reason or ""))
