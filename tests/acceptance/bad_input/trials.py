"""A submission that must be refused, and what must be said."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.acceptance.doors import DOORS, Attempt
from tests.tried import Tried

ALL_DOORS = tuple(DOORS)
V1_DOORS = ("SubmitJob", "SubmitJobs", "POST /jobs")
"""Those that take any bytes and any word: the original's takes text, and has no words for some things."""

BELL = b'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1]; measure q -> c;'
QASM2 = b'OPENQASM 2.0; include "qelib1.inc"; '
QASM3 = b'OPENQASM 3.0; include "stdgates.inc"; '


@dataclass(frozen=True, slots=True)
class Bad:
    """A submission and a pattern of the sentence it gets. `doors` are those whose dialect can say it."""

    name: str
    attempt: Attempt
    sentence: str
    doors: Sequence[str] = ALL_DOORS

    def as_tried(self, kind: str) -> Tried:
        """Give its line of the page."""
        door = "all" if self.doors is ALL_DOORS else ", ".join(self.doors)
        return Tried(kind, self.name, door, f"refused: `{self.sentence}`")
