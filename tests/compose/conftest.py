"""One stack for all tests of the deployed form, which run in the order of their files and names."""

from collections.abc import Iterator

import pytest

from tests.compose.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The deployed form, built and started once; taken down at the end, also after a failure."""
    deployed = Stack()
    try:
        deployed.build()
        deployed.up()
        yield deployed
    finally:
        deployed.close()
