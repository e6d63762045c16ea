"""Generate the gRPC stubs in qserver/rpc/ from proto/. `--check` fails where the committed ones are stale.

protoc names a generated module after the proto's virtual path, so each proto is mapped to the package it lands in.
"""

import argparse
import filecmp
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {"qserver/rpc/v1": "proto/qserver/v1", "qserver/rpc/original": "proto/original"}


def generate(target: Path) -> None:
    """Write all stubs below `target`."""
    well_known_types = files("grpc_tools") / "_proto"
    mappings = [f"-I{package}={ROOT / folder}" for package, folder in SOURCES.items()]
    protos = [f"{package}/jobs.proto" for package in SOURCES]
    outputs = [f"--{kind}_out={target}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    if protoc.main(["protoc", *mappings, f"-I{well_known_types}", *outputs, *protos]) != 0:
        sys.exit("protoc failed; its message stands above")


def stale_files(fresh: Path) -> list[str]:
    """Name the stubs that differ from the committed ones or are missing among them."""
    generated = [path.relative_to(fresh) for path in fresh.rglob("*.py*")]
    return [
        str(path)
        for path in generated
        if not (ROOT / path).exists() or not filecmp.cmp(fresh / path, ROOT / path, shallow=False)
    ]


def main() -> None:
    """Generate in place, or compare with `--check`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        generate(ROOT)
        return
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        if stale := stale_files(Path(folder)):
            sys.exit(f"stale stubs, run 'make proto': {', '.join(stale)}")


if __name__ == "__main__":
    main()
