"""What makes two jobs equal."""

from dataclasses import fields, replace
from uuid import UUID

import pytest

import database.cache_keys
from database import cache_key
from qserver.jobs import Observable, PauliTerm, RunRequest
from qserver.results import ResultType
from qserver.sweeps import Sweep

OWNER = UUID(int=1)
CIRCUIT = b"c" * 32
RUN = RunRequest("aer", frozenset({ResultType.COUNTS, ResultType.MEMORY, ResultType.EXPVAL}), options={"a": 1, "b": 2})
OTHERS = {
    "backend": "aer_statevector",
    "result_types": frozenset({ResultType.COUNTS}),
    "shots": 1,
    "seed": 0,
    "precision": 0.5,
    "observables": (Observable((PauliTerm("Z", 1.0),)),),
    "options": {"a": 1},
    "sweep": Sweep((), (), b""),
}


def key_of(
    run: RunRequest = RUN,
    *,
    owner_id: UUID = OWNER,
    circuit_sha256: bytes = CIRCUIT,
    plugin: str = "aer",
    plugin_version: str = "1",
    reads_metadata: bool = False,
) -> bytes:
    return cache_key(
        owner_id, circuit_sha256, run, plugin=plugin, plugin_version=plugin_version, reads_metadata=reads_metadata
    )


def test_equal_jobs_have_one_key_in_whatever_order_they_say_what_they_say() -> None:
    turned = replace(
        RUN,
        result_types=frozenset({ResultType.EXPVAL, ResultType.MEMORY, ResultType.COUNTS}),
        options={"b": 2, "a": 1},
    )

    assert key_of(turned) == key_of()
    assert len(key_of()) == 32


@pytest.mark.parametrize("name", [each.name for each in fields(RunRequest) if each.name != "metadata"])
def test_every_part_of_the_request_counts(name: str) -> None:
    other = replace(RUN, **{name: OTHERS[name]})  # type: ignore[arg-type]  # each of its kind

    assert key_of(other) != key_of()


def test_owner_circuit_plugin_and_versions_count(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        key_of(),
        key_of(owner_id=UUID(int=2)),
        key_of(circuit_sha256=b"d" * 32),
        key_of(plugin="qsim"),
        key_of(plugin_version="2"),
    }
    monkeypatch.setattr(database.cache_keys, "__version__", "999")
    keys.add(key_of())

    assert len(keys) == 6


def test_metadata_counts_where_the_plugin_reads_it() -> None:
    named = replace(RUN, metadata={"shots": 5})

    assert key_of(named) == key_of()
    assert key_of(named, reads_metadata=True) != key_of(reads_metadata=True)
