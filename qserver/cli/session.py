"""What every command has: the server that was named, and where to write."""

from collections.abc import Iterator
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
JobIds = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of jobs; - reads them from standard input.")]


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
    """Give job ids, those of standard input where `-` stands: the first word of each line."""
    ids: list[str] = []
    for each in given:
        ids += [line.split()[0] for line in typer.get_text_stream("stdin") if line.strip()] if each == "-" else [each]
    return ids
