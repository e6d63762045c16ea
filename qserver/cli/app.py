"""The commands, and the options that stand before them."""

from typing import Annotated

import typer

import qserver
from qserver.cli import changing, login, reading, service, submit
from qserver.cli.session import Server

app = typer.Typer(
    name="qserver",
    help="Run quantum circuits on a QServer.",
    epilog=(
        "Exit status: 0 done, 1 fault, 2 wrong command line or setting, 3 request refused, 4 job failed or canceled, "
        "5 not found, 6 not allowed, 7 server away or full: try later, 8 timeout: the job goes on, 130 interrupted."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        typer.echo(qserver.__version__)
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="The server. Else QSERVER_URL, or the last login.")] = None,
    ca: Annotated[str | None, typer.Option(help="File of the authority that signed its certificate.")] = None,
    grpc_url: Annotated[str | None, typer.Option(help="Where its gRPC is, if not where it says.")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,  # noqa: ARG001, FBT002
) -> None:
    """Run quantum circuits on a QServer."""
    context.obj = Server(url=url, ca=ca, grpc_url=grpc_url)


for module in (submit, reading, changing, service, login):
    module.add_to(app)
