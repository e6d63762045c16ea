"""Harm to the links between the parts."""

from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.ground import Ground, last

_SLOW_SECONDS_A_CHUNK = 0.15


class Harm(StrEnum):
    """What happens to a link for a while."""

    CUT = "cut"  # connections are reset, new ones too
    STALLED = "stalled"  # nothing comes through, nobody is told
    SLOWED = "slowed"  # each piece takes its time


@dataclass(frozen=True, slots=True)
class LinkHarmed:
    """One of the links is bad for some seconds."""

    link: str
    harm: Harm
    seconds: float

    @property
    def name(self) -> str:
        """What happens."""
        return f"{self.link.replace('_', ' ')} {self.harm} for {self.seconds:g} s"

    def strike(self, ground: Ground) -> None:
        """Harm it, and mend it."""
        link = getattr(ground.site.links, self.link)
        match self.harm:
            case Harm.CUT:
                link.cut()
            case Harm.STALLED:
                link.stall()
            case Harm.SLOWED:
                link.slow(_SLOW_SECONDS_A_CHUNK)
        try:
            last(self.seconds)
        finally:
            link.mend()
