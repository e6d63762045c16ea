"""`qserver submit`: circuits from files, globs and standard input become jobs."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from qserver.cli.documents import error_document, outcome_document
from qserver.cli.exit_codes import ExitCode, exit_code_of
from qserver.cli.screen import Screen
from qserver.cli.session import Json, Timeout, server_of
from qserver.cli.watching import watched
from qserver.cli.wishes import Said, wishes_of
from qserver.client.client import Client
from qserver.client.jobs import Jobs
from qserver.client.submissions import DEFAULT_BACKEND, Wishes
from qserver.errors import InvalidRequest, QServerError, SomeRefused

_STDIN = "-"
_WILDCARDS = "*?["


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(submit)


def submit(  # noqa: PLR0913, PLR0917 - the options of the command line
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="OpenQASM or QPY; globs; - for stdin.")],
    backend: Annotated[
        str, typer.Option("--backend", "-b", help="Where to run: see `qserver backends`.")
    ] = DEFAULT_BACKEND,
    results: Annotated[
        list[str] | None, typer.Option("--results", "-r", help="counts, expval, ...; parted by commas.")
    ] = None,
    shots: Annotated[int | None, typer.Option("--shots", "-n", help="1,000 where absent.")] = None,
    seed: Annotated[int | None, typer.Option(help="Makes counts repeat.")] = None,
    observable: Annotated[list[str] | None, typer.Option("--observable", "-o", help="ZZ, or 0.5*ZZ+XI.")] = None,
    option: Annotated[list[str] | None, typer.Option("--option", help="name=value of the backend.")] = None,
    metadata: Annotated[str | None, typer.Option(help="A JSON object, given back with the job.")] = None,
    priority: Annotated[int, typer.Option(help="-100 to 100; higher runs earlier.")] = 0,
    time_limit: Annotated[float | None, typer.Option(help="Seconds that a job may run.")] = None,
    request_id: Annotated[str | None, typer.Option(help="Sent again, it gets the first job.")] = None,
    cache: Annotated[bool, typer.Option("--cache", help="Take the stored result of an equal job.")] = False,  # noqa: FBT002
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Wait, show how it goes, then the results.")] = False,  # noqa: FBT002
    timeout: Timeout = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Submit circuits, a job each, and write their ids; with --watch their results."""
    wishes = wishes_of(
        Said(
            backend=backend,
            results=results or (),
            shots=shots,
            seed=seed,
            observables=observable or (),
            options=option or (),
            metadata=metadata,
            priority=priority,
            time_limit_seconds=time_limit,
            request_id=request_id,
            cache=cache,
        )
    )
    names = list(_expanded(files))
    screen = Screen(is_json=as_json)
    with server_of(context).client() as client:
        job_ids, status = _submit(client, names, wishes, screen)
        if watch:
            status = max(status, _watch(client.named_jobs(list(job_ids)), job_ids, screen, timeout))
        else:
            _write_ids(job_ids, screen)
    raise typer.Exit(status)


def _submit(client: Client, names: Sequence[str], wishes: Wishes, screen: Screen) -> tuple[Mapping[str, str], ExitCode]:
    """Give the files' names by their jobs' ids, and the status that refusals make."""
    circuits = [sys.stdin.buffer.read() if name == _STDIN else Path(name) for name in names]
    try:
        jobs = client.submit(circuits, **wishes)
    except SomeRefused as error:
        for position, refusal in error.refusals.items():
            _refuse(names[position], refusal, screen)
        accepted = {job_id: names[position] for position, job_id in error.job_ids.items()}
        return accepted, max(map(exit_code_of, error.refusals.values()))
    except QServerError as error:
        if len(names) > 1:
            raise
        _refuse(names[0], error, screen)
        return {}, exit_code_of(error)
    return dict(zip(jobs.ids, names, strict=True)), ExitCode.DONE


def _refuse(name: str, error: QServerError, screen: Screen) -> None:
    screen.failure(name, error)
    if screen.is_json:
        screen.document({"file": name, "error": error_document(error)})


def _write_ids(job_ids: Mapping[str, str], screen: Screen) -> None:
    for job_id, name in job_ids.items():
        if screen.is_json:
            screen.document({"id": job_id, "file": name})
        else:
            screen.text(f"{job_id}  {name}")


def _watch(jobs: Jobs, names: Mapping[str, str], screen: Screen, timeout_seconds: float | None) -> ExitCode:
    status = ExitCode.DONE
    for job_id, outcome in watched(jobs, names, screen, timeout_seconds):
        name = f"{names[job_id]} ({job_id})"
        if screen.is_json:
            screen.document({"file": names[job_id], **outcome_document(job_id, outcome)})
        if isinstance(outcome, QServerError):
            status = exit_code_of(outcome)
            screen.failure(name, outcome)
        elif not screen.is_json:
            for result in outcome:
                screen.result(name, result)
    return status


def _expanded(files: Sequence[str]) -> Sequence[str]:
    """Take globs apart that the shell left whole. Raises InvalidRequest for one that fits no file."""
    names: list[str] = []
    for name in files:
        if name == _STDIN or Path(name).exists() or not any(mark in name for mark in _WILDCARDS):
            names.append(name)
            continue
        pattern = Path(name)
        found = sorted(map(str, Path(pattern.anchor or ".").glob(str(pattern.relative_to(pattern.anchor)))))
        if not found:
            raise InvalidRequest(f"no file fits {name}")
        names += found
    return names
