"""What `python -m standalone` may be told on its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_DATA_FOLDER = Path("~/.local/share/qserver")
DEFAULT_SHOTS = 1000
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Options:
    """Where to serve and keep data, and, for the demonstration, what to run."""

    command: str  # "up" or "demo"
    grpc_port: int | None  # None: as the settings say
    http_port: int | None
    data_folder: Path
    host: str = LOOPBACK
    circuit: Path | None = None
    shots: int = DEFAULT_SHOTS
    once: bool = False


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:  # noqa: PLR2004 - the range of TCP ports
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 (any free one) to 65535")
    return int(text)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--grpc-port", type=_port, help="port for gRPC (default: QSERVER_GRPC_PORT, or 50051)")
    parser.add_argument("--http-port", type=_port, help="port for HTTP (default: QSERVER_HTTP_PORT, or 8080)")
    parser.add_argument(
        "--host", default=LOOPBACK, help="address to listen on (default %(default)s); any other needs QSERVER_AUTH"
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA_FOLDER, help="folder of the database and of plugins")


def _with_command(arguments: Sequence[str]) -> Sequence[str]:
    """Serve where no command is named."""
    first = arguments[0] if arguments else "--"
    return ["up", *arguments] if first.startswith("-") and first not in {"-h", "--help"} else arguments


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the command line; `up` may be left out. Exits with a usage message where it can't be right."""
    parser = argparse.ArgumentParser(prog="python -m standalone", description="All of QServer in one process.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_common(commands.add_parser("up", help="serve until Ctrl-C (also without a command)"))
    commands.add_parser("doctor", help="say what is wrong with an installation", add_help=False)
    demo = commands.add_parser("demo", help="serve, run example circuits, and go on serving")
    _add_common(demo)
    demo.add_argument("--circuit", type=Path, help="run this OpenQASM file instead of the examples")
    demo.add_argument("--shots", type=int, default=DEFAULT_SHOTS, help="shots of each circuit (default %(default)s)")
    demo.add_argument("--once", action="store_true", help="stop after the results")
    found = parser.parse_args(_with_command(arguments))
    return Options(
        command=found.command,
        grpc_port=found.grpc_port,
        http_port=found.http_port,
        data_folder=found.data.expanduser().resolve(),
        host=found.host,
        circuit=getattr(found, "circuit", None),
        shots=getattr(found, "shots", DEFAULT_SHOTS),
        once=getattr(found, "once", False),
    )
