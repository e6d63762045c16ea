"""`qserver login` and `qserver logout`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from qserver.cli.screen import Screen
from qserver.cli.session import server_of
from qserver.client.access import access_of
from qserver.client.http import HttpDoor
from qserver.client.key_file import KeyFile, Login, default_key_file
from qserver.client.server_address import parse_address
from qserver.errors import NotFound

_ME = "/api/v1/me"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(login)
    app.command()(logout)


def login(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="The server, e.g. https://box")],
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the key from standard input.")] = False,  # noqa: FBT002
) -> None:
    """Try a key, and keep it for later commands and programs, in a file of mode 600. An empty key: none is asked for.

    With --ca before the command, or QSERVER_CA, the authority's file is remembered too; without, the one from before.
    """
    screen, keys = Screen(is_json=False), KeyFile(default_key_file(os.environ))
    key = typer.get_text_stream("stdin").readline() if key_stdin else typer.prompt("Key", default="", hide_input=True)
    ca = _authority(server_of(context).ca or os.environ.get("QSERVER_CA")) or keys.login_of(parse_address(url).url).ca
    access = access_of(url, api_key=key, ca=ca)
    with HttpDoor(access) as http:
        caller = http.get(_ME)
    keys.keep(access.http.url, Login(key.strip(), ca))
    name = caller.get("name", "somebody") if isinstance(caller, dict) else "somebody"
    screen.complain(f"You are {name} at {access.http.url}; kept in {keys.path}")


def logout(url: Annotated[str, typer.Argument(help="The server")]) -> None:
    """Remove what login kept of a server."""
    address = parse_address(url).url
    if not KeyFile(default_key_file(os.environ)).forget(address):
        raise NotFound(f"nobody is logged in at {address}")


def _authority(path: str | None) -> str | None:
    """Give a file's place as it is from any folder."""
    return str(Path(path).expanduser().resolve()) if path else None
