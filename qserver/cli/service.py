"""`qserver backends`, `workers`, `plugins` and `health`: what the server is, and has."""

from collections.abc import Iterable, Mapping, Sequence

import typer

from qserver.cli.documents import record_of
from qserver.cli.exit_codes import ExitCode
from qserver.cli.screen import Screen
from qserver.cli.session import Json, server_of
from qserver.json_types import JsonValue

_GIB = 1024**3


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (backends, workers, plugins, health):
        app.command()(command)


def backends(context: typer.Context, as_json: Json = False) -> None:  # noqa: FBT002 - a flag of the command line
    """List what circuits can be sent to; --json shows the options of each."""
    with server_of(context).client() as client:
        found = client.backends()
    if as_json:
        _documents(map(record_of, found))
        return
    rows = [
        (each.name, each.plugin, ", ".join(each.devices), ", ".join(each.result_types), each.description)
        for each in found
    ]
    Screen(is_json=False).table(("backend", "plugin", "devices", "results", "description"), rows)


def workers(context: typer.Context, as_json: Json = False) -> None:  # noqa: FBT002
    """List the workers with what they have and do."""
    with server_of(context).client() as client:
        found = _objects(client.workers())
    if as_json:
        _documents(found)
        return
    columns = ("name", "host", "version", "is_live", "running_jobs", "cores")
    rows = [(*_texts(each, columns), f"{_number(each, 'memory_bytes') / _GIB:.1f}") for each in found]
    Screen(is_json=False).table((*columns, "memory_gib"), rows)


def plugins(context: typer.Context, as_json: Json = False) -> None:  # noqa: FBT002
    """List the plugins."""
    with server_of(context).client() as client:
        found = _objects(client.plugins())
    if as_json:
        _documents(found)
        return
    columns = ("name", "kind", "version")
    rows = [
        (*_texts(each, columns), ", ".join(str(backend["name"]) for backend in _objects(each.get("backends"))))
        for each in found
    ]
    Screen(is_json=False).table((*columns, "backends"), rows)


def health(context: typer.Context, as_json: Json = False) -> None:  # noqa: FBT002
    """Say how the server is: exit 0 where it works, 7 where it can't, or can only in part."""
    with server_of(context).client() as client:
        found = client.health()
    report = found if isinstance(found, dict) else {}
    screen = Screen(is_json=as_json)
    if as_json:
        screen.document(report)
    else:
        screen.text(f"{client.url} is {report.get('status')}")
        for each in _objects(report.get("neighbours")):
            screen.text(f"  {each['name']}: {'ready' if each['is_ready'] else each['message']}")
    raise typer.Exit(ExitCode.DONE if report.get("status") == "ok" else ExitCode.TRY_LATER)


def _documents(found: Iterable[Mapping[str, object]]) -> None:
    screen = Screen(is_json=True)
    for each in found:
        screen.document(each)


def _objects(found: JsonValue) -> Sequence[Mapping[str, JsonValue]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _texts(each: Mapping[str, JsonValue], columns: Sequence[str]) -> Sequence[str]:
    return [str(each.get(column, "")) for column in columns]


def _number(each: Mapping[str, JsonValue], name: str) -> float:
    value = each.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0
