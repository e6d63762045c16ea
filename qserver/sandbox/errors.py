"""What can go wrong with a child process, as decisions that its owner can take.

    QServerError
    `- SandboxError
       |- ChildTimedOut       the call took too long; the child is dead, the same call may be given to a new one
       |- ChildDied           the child ended under the call; knows how
       |  `- ChildMisbehaved  it broke the protocol, and was killed for it
       `- PreloadFailed       the forkserver can't load what it was told to: no child can ever start

What a child reports in good order is none of these: it is raised as the class of `qserver.errors` that the child
raised.
"""

import signal

from qserver.errors import QServerError
from qserver.sandbox.ending import Ending


class SandboxError(QServerError):
    """A child process can't do its work."""


class ChildTimedOut(SandboxError):  # noqa: N818 - names read as claims, as in qserver.errors
    """The call took longer than it was given. The child has been killed."""

    def __init__(self, message: str, *, was_held_up: bool = False) -> None:
        """Say whether the child `was_held_up`: it hardly got to work, and what it was asked is not to blame."""
        super().__init__(message)
        self.was_held_up = was_held_up


class PreloadFailed(SandboxError):  # noqa: N818
    """The forkserver can't load a module that it was told to load."""


class ChildDied(SandboxError):  # noqa: N818
    """The child ended under the call, or before it."""

    def __init__(self, ending: Ending, *, doing: str) -> None:
        """Say what it was `doing` and how it ended."""
        super().__init__(f"the process {ending.describe()} during '{doing}'")
        self.ending = ending

    @property
    def signal(self) -> int | None:
        """Number of the signal it died of."""
        return self.ending.signal

    @property
    def exit_code(self) -> int | None:
        """Exit code, where it ended by itself."""
        return self.ending.exit_code

    @property
    def out_of_memory(self) -> bool:
        """Whether memory was the reason; see `qserver.sandbox.memory` for how sure that is."""
        return self.ending.out_of_memory

    @property
    def came_from_outside(self) -> bool:
        """Whether the call may have had no part in it: somebody killed the child, or its forkserver, and nobody knows.

        A call that is made again tells: what happens to it twice is its own doing.
        """
        is_unknown = self.signal is None and self.exit_code is None
        return not (self.out_of_memory or self.was_killed) and (is_unknown or self.signal == signal.SIGKILL)

    @property
    def was_killed(self) -> bool:
        """Whether its owner killed it."""
        return self.ending.was_killed


class ChildMisbehaved(ChildDied):
    """The child sent what is no reply, or too large a one, and was killed for it."""

    def __init__(self, ending: Ending, *, doing: str, fault: str) -> None:
        """Say what was wrong with what it sent."""
        super().__init__(ending, doing=doing)
        self.message = f"the process was killed during '{doing}': {fault}"
        self.args = (self.message,)
