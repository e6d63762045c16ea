"""What the service tells of a backend."""

from dataclasses import replace
from uuid import uuid4

import pytest

from database.records import BackendRecord
from jobs_server.answers import backend_message
from qserver.settings import LimitSettings
from tests.unit.database.builders import a_backend


@pytest.mark.parametrize(("declared", "limit", "told"), [(30, 10_000, 30), (30, 20, 20), (None, 20, 20)])
def test_a_backend_tells_the_widest_circuit_that_is_taken(declared: int | None, limit: int, told: int) -> None:
    spec = replace(a_backend(), max_qubits=declared)
    backend = BackendRecord(id=uuid4(), pointer=1, plugin="aer", plugin_backend=spec.name, spec=spec)

    assert backend_message(backend, LimitSettings(max_qubits=limit)).max_qubits == told


@pytest.mark.parametrize(("takes_pubs", "told"), [(True, 20), (False, 0)])
def test_a_backend_that_takes_pubs_tells_how_many(*, takes_pubs: bool, told: int) -> None:
    spec = replace(a_backend(), takes_pubs=takes_pubs)
    backend = BackendRecord(id=uuid4(), pointer=1, plugin="aer", plugin_backend=spec.name, spec=spec)

    assert backend_message(backend, LimitSettings(max_pubs=20)).max_pubs == told
