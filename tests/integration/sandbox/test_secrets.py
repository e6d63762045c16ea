"""No secret of a service is in the memory of its children."""

import os
from pathlib import Path

import pytest

from qserver.sandbox.forkserver import Forkserver
from qserver.settings import load_settings
from tests.integration.sandbox import intruder
from tests.unit.sandbox.calls import call
from worker.capacity import Capacity
from worker.groups import Lane
from worker.processes import simulator_limits

MIB = 1024 * 1024


def holds(pid: int, needle: bytes) -> bool:
    """Look for it in all the memory that a process may write to."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            place, rights, *_ = line.split()
            if rights.startswith("rw"):
                start, end = (int(number, 16) for number in place.split("-"))
                memory.seek(start)
                if needle in memory.read(end - start):
                    return True
    return False


def test_a_secret_that_the_service_has_read_is_in_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = os.urandom(16).hex()
    monkeypatch.setenv("QSERVER_DATABASE_PASSWORD", secret)
    settings = load_settings()
    assert settings.database.database_password.get_secret_value() == secret
    limits = simulator_limits(Lane.NARROW, Capacity(cores=1, places=1, memory_bytes=256 * MIB))

    with Forkserver() as forkserver, forkserver.spawn(intruder.ENTRY, limits) as child:
        assert call(child, "attempt", b'["tell_variables"]')

        # A forked child holds all that its forkserver held.
        assert not holds(child.pid, secret.encode())
        assert holds(os.getpid(), secret.encode())
