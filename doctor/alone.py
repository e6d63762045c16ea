"""The form in one process: `make up`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from doctor.box import is_taken, look_at_disk
from doctor.findings import Finding, Look
from doctor.service import look_at_readiness, look_at_workers


def look_at_standalone(*, grpc_port: int, http_port: int, data_folder: Path) -> Iterator[Look]:
    """Look at the data folder and at what answers on the ports."""
    yield _look_at_folder(data_folder)
    yield look_at_disk(
        data_folder, what="the data folder", remedy="free space, or serve elsewhere: make up DATA=folder"
    )
    if not is_taken(http_port, host="127.0.0.1"):
        yield Look("service", "", (Finding(f"nothing listens on port {http_port}", "make up"),))
        return
    remedy = f"see {data_folder}/logs/standalone.log; or another program has the port: make up HTTP_PORT=8081"
    yield look_at_readiness(http_port, remedy=remedy)
    yield look_at_workers(http_port, key=_key_in(data_folder), remedy=remedy)
    if not is_taken(grpc_port, host="127.0.0.1"):
        yield Look(
            "gRPC", "", (Finding(f"nothing listens on port {grpc_port}", f"name the port: --grpc-port; {remedy}"),)
        )


def _key_in(data_folder: Path) -> str:
    """Give the administrator's key, where the server has made one."""
    try:
        return (data_folder / "admin-key").read_text().strip()
    except OSError:
        return os.environ.get("QSERVER_ADMIN_KEY", "")


def _look_at_folder(folder: Path) -> Look:
    if not folder.exists():
        return Look("data", "", (Finding(f"there is no {folder}: nothing was served from it yet", "make up"),))
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Look(
            "data", "", (Finding(f"{folder} can't be read and written by this user", f"chown it: ls -ld {folder}"),)
        )
    return Look("data", str(folder))
