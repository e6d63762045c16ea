"""What every command has: the server that was named, and where to write."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from qserver.client.client import Client
from qserver.client.patience import Patience

_PATIENCE = Patience(call_seconds=10.0)
"""Somebody sits in front of it: a server that is away is said to be away after ten seconds."""

Json = Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")]
Timeout = Annotated[float | None, typer.Option("--timeout", min=0, help="Wait so many seconds at most, then exit 8.")]
JobIds = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="Ids of jobs; - reads what `submit` wrote."),
]


@dataclass(frozen=True, slots=True)
class Server:
    """What the options before the command say."""

    url: str | None = None
    ca: str | None = None
    grpc_url: str | None = None

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Connect. Raises SettingsError where no server is named."""
        with Client(self.url, ca=self.ca, grpc_url=self.grpc_url, patience=_PATIENCE) as client:
            yield client


def server_of(context: typer.Context) -> Server:
    """Give the server that was named before the command."""
    found = context.find_object(Server)
    return Server() if found is None else found


def named_ids(given: list[str]) -> list[str]:
    """Give job ids, those of standard input where `-` stands: see `ids_of`."""
    ids: list[str] = []
    for each in given:
        ids += ids_of(typer.get_text_stream("stdin")) if each == "-" else [each]
    return ids


def ids_of(lines: Iterable[str]) -> Iterator[str]:
    """Give the first word of each line, or the `id` where it is an object of --json; a refused circuit has none."""
    for line in filter(str.strip, lines):
        try:
            document = json.loads(line)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            yield line.split()[0]
        elif "id" in document:
            yield str(document["id"])
