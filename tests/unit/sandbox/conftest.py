"""One forkserver for the whole folder, and children of it."""

from collections.abc import Callable, Iterator

import pytest

from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits
from qserver.sandbox.process import ChildProcess

ENTRY = "tests.unit.sandbox.children:main"

Spawn = Callable[..., ChildProcess]


@pytest.fixture(scope="session")
def forkserver() -> Iterator[Forkserver]:
    with Forkserver(["tests.unit.sandbox.children"]) as server:
        yield server


@pytest.fixture
def spawn(forkserver: Forkserver) -> Iterator[Spawn]:
    """Start children with limits given by name; they are closed with the test."""
    children: list[ChildProcess] = []

    def spawn_child(entry: str = ENTRY, **limits: object) -> ChildProcess:
        children.append(forkserver.spawn(entry, Limits(**limits)))  # type: ignore[arg-type]
        return children[-1]

    yield spawn_child
    for child in children:
        child.close()


@pytest.fixture
def child(spawn: Spawn) -> ChildProcess:
    """A child with the default limits."""
    return spawn()
