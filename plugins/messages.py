"""What a service and the process that runs a plugin say to each other, one message a method."""

from collections.abc import Mapping
from dataclasses import dataclass

from qserver.circuits import CircuitSource, Inspection
from qserver.json_types import JsonObject
from qserver.plugins import Outcome, RunLimits, Task


@dataclass(frozen=True, slots=True)
class InspectRequest:
    """Parse and profile circuits; answered by an InspectReply."""

    plugin: str
    circuits: tuple[CircuitSource, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one circuit was found to be, or why it can't be read (see `qserver.sandbox.faults`)."""

    inspection: Inspection | None = None
    fault: Mapping[str, str | int | None] | None = None


@dataclass(frozen=True, slots=True)
class InspectReply:
    """One finding for each circuit, in order."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class CheckOptionsRequest:
    """Check what a schema can't say; answered by nothing."""

    plugin: str
    options: JsonObject


@dataclass(frozen=True, slots=True)
class RunCall:
    """Run tasks; answered by a RunReply."""

    plugin: str
    tasks: tuple[Task, ...]
    limits: RunLimits


@dataclass(frozen=True, slots=True)
class RunReply:
    """One outcome for each task, in any order."""

    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class WarmUpRequest:
    """Load the heavy half of a plugin before work comes; answered by nothing."""

    plugin: str
