"""The server of the acceptance tests, as Qiskit sees it."""

from collections.abc import Iterator

import pytest

from qserver.qiskit import QServerBackend, QServerProvider
from tests.servers.standalone import Standalone


@pytest.fixture(scope="package")
def provider(box: Standalone) -> Iterator[QServerProvider]:
    """A connection to it."""
    opened = QServerProvider(box.url)
    yield opened
    opened.transport.close()


@pytest.fixture
def backend(provider: QServerProvider) -> QServerBackend:
    """The backend that chooses a method by the circuit, without options of its own."""
    return provider.get_backend("aer")
