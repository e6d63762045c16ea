"""Where a run took place."""

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "qiskit",
    "qiskit-aer",
    "qsimcirq",
    "grpcio",
    "pika",
    "psycopg",
    "sqlalchemy",
    "fastapi",
    "uvicorn",
    "orjson",
    "celery",
    "distributed",
)


def machine() -> Mapping[str, object]:
    """Describe processor, memory and the versions of what was measured."""
    return {
        "cpu": _value_of("model name", _lines("/proc/cpuinfo")) or platform.processor(),
        "cores": os.cpu_count(),
        "memory": _value_of("MemTotal", _lines("/proc/meminfo")),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _lines(path: str) -> Sequence[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else ()


def _value_of(name: str, lines: Sequence[str]) -> str:
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
