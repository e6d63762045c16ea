"""What a look finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and what to do about it. A warning will be wrong one day."""

    fault: str
    remedy: str
    is_warning: bool = False


@dataclass(frozen=True)
class Look:
    """One thing that was looked at: its name, what was seen there, and what is wrong with it."""

    name: str
    seen: str
    findings: tuple[Finding, ...] = ()
