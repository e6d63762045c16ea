"""What the service tells of a backend."""

from dataclasses import replace
from uuid import uuid4

import pytest

from database.records import BackendRecord
from jobs_server.answers import backend_message
from tests.unit.database.builders import a_backend


@pytest.mark.parametrize(("declared", "limit", "told"), [(30, 10_000, 30), (30, 20, 20), (None, 20, 20)])
def test_a_backend_tells_the_widest_circuit_that_is_taken(declared: int | None, limit: int, told: int) -> None:
    spec = replace(a_backend(), max_qubits=declared)
    backend = BackendRecord(id=uuid4(), pointer=1, plugin="aer", plugin_backend=spec.name, spec=spec)

    assert backend_message(backend, max_qubits=limit).max_qubits == told
