"""What the machine itself has: disk, ports, addresses."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from doctor.findings import Finding, Look

GIB = 1024**3
_LEAST_FREE_BYTES = 2 * GIB
_SOON_SHARE = 0.1


def look_at_disk(folder: Path, *, what: str, remedy: str) -> Look:
    """Look for room where data are kept."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    usage = shutil.disk_usage(there)
    return look_at_room(usage.free, usage.total, what=f"{what} ({there})", remedy=remedy)


def look_at_room(free_bytes: int, total_bytes: int, *, what: str, remedy: str) -> Look:
    """Judge what is left of a disk."""
    seen = f"{free_bytes / GIB:.1f} of {total_bytes / GIB:.1f} GiB free for {what}"
    if free_bytes < _LEAST_FREE_BYTES:
        return Look("disk", seen, (Finding(f"the disk is full: {seen}", remedy),))
    if free_bytes < total_bytes * _SOON_SHARE:
        return Look("disk", seen, (Finding(f"the disk is nearly full: {seen}", remedy, is_warning=True),))
    return Look("disk", seen)


def is_taken(port: int, *, host: str = "0.0.0.0") -> bool:  # noqa: S104 - tried, never served
    """Tell whether somebody listens on a port already; not whether we may (below 1024 only root may)."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except PermissionError:
            return False
        except OSError:
            return True
    return False


def look_at_ports(wanted: Mapping[str, int], ours: Iterable[int]) -> Look:
    """Look whether somebody else has a port that the proxy wants."""
    own = frozenset(ours)
    findings = tuple(
        Finding(
            f"port {port} ({variable}={port}) is taken by another program",
            f"end it (ss -ltnp 'sport = :{port}' names it), or set another {variable} in .env; docker compose up -d",
        )
        for variable, port in wanted.items()
        if port not in own and is_taken(port)
    )
    return Look("ports", ", ".join(f"{variable}={port}" for variable, port in wanted.items()), findings)


def look_at_subnets(wanted: Mapping[str, str], others: Mapping[str, str]) -> Look:
    """Look whether another network of Docker has addresses that ours want. `others` is subnet by name."""
    findings = tuple(
        Finding(
            f"the addresses {subnet} ({variable}) belong to Docker's network {name} ({other})",
            f"docker network rm {name} if nobody needs it, or set {', '.join(wanted)} and PROXY_ADDRESS in .env",
        )
        for variable, subnet in wanted.items()
        for name, other in others.items()
        if _overlap(subnet, other)
    )
    return Look("networks", ", ".join(wanted.values()), findings)


def _overlap(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_network(one, strict=False).overlaps(ipaddress.ip_network(other, strict=False))
    except (ValueError, TypeError):  # no network, or one of another version of IP
        return False


def look_at_division(values: Mapping[str, str]) -> Look:
    """Look whether the workers together were given more than there is."""
    replicas, cpus = values.get("WORKER_REPLICAS", "2"), values.get("WORKER_CPUS", "")
    cores = os.cpu_count() or 1
    try:
        given = int(replicas) * float(cpus)
    except ValueError:
        return Look("workers' share", "")
    seen = f"{replicas} workers of {cpus} of {cores} cores"
    if given > cores * 1.01:
        remedy = f"make env WORKERS={replicas} divides it anew; then docker compose up -d"
        return Look(
            "workers' share", seen, (Finding(f"the box is given away more than once: {seen}", remedy, is_warning=True),)
        )
    return Look("workers' share", seen)
