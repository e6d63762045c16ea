"""Which versions of QPY each backend of a server reads, as it said when it was first asked."""

from collections.abc import Mapping
from typing import TypeAlias

from qserver.rpc.v1 import jobs_pb2

QpyVersions: TypeAlias = Mapping[str, tuple[int, ...]]
"""By the names of backends."""

NOT_SAID: QpyVersions = {}
"""Of a server that doesn't say, or doesn't say it to everybody: the oldest version is written."""


def qpy_versions_of(answer: jobs_pb2.ListBackendsResponse) -> QpyVersions:
    """Read what a server says of its backends."""
    return {backend.name: tuple(backend.qpy_versions) for backend in answer.backends}
