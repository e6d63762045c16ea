"""The command: what is looked at, and how it is told."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from doctor.alone import look_at_standalone
from doctor.deployed import look_at_deployment
from doctor.findings import Look

ROOT = Path(__file__).resolve().parent.parent


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command may be told."""
    parser.add_argument("--env-file", type=Path, help="look at the deployment with this file (default .env, if there)")
    parser.add_argument("--grpc-port", type=int, default=50051, help="of `make up` (default %(default)s)")
    parser.add_argument("--http-port", type=int, default=8080, help="of `make up` (default %(default)s)")
    parser.add_argument(
        "--data", type=Path, default=Path("~/.local/share/qserver"), help="folder of `make up` (default %(default)s)"
    )


def examine(found: argparse.Namespace) -> Iterator[Look]:
    """Look at the deployment where there is an .env, else at what `make up` serves."""
    env_file = found.env_file or ROOT / ".env"
    if found.env_file is not None or env_file.exists():
        return look_at_deployment(ROOT, env_file)
    return look_at_standalone(grpc_port=found.grpc_port, http_port=found.http_port, data_folder=found.data.expanduser())


def tell(looks: Iterable[Look]) -> int:
    """Print each look as it is made; gives the exit status: 1 where something is wrong."""
    faults = 0
    for look in looks:
        is_well = not look.findings
        print(f"{'ok ' if is_well else '-- '} {look.name}{': ' + look.seen if look.seen else ''}", flush=True)
        for finding in look.findings:
            faults += not finding.is_warning
            print(f"    {'warning' if finding.is_warning else 'wrong'}: {finding.fault}\n    do: {finding.remedy}")
    print("nothing is wrong" if not faults else f"{faults} {'thing is' if faults == 1 else 'things are'} wrong")
    return 1 if faults else 0


def main(arguments: Sequence[str]) -> int:
    """Look, tell, and give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m doctor", description="Say what is wrong with an installation.")
    add_arguments(parser)
    return tell(examine(parser.parse_args(arguments)))
