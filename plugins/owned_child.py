"""A child process in which plugins run, as its owner sees it whatever they are asked."""

from types import TracebackType
from typing import Self

from qserver.sandbox.process import ChildProcess


class OwnedChild:
    """Kills, watches and closes a child; how it is spoken to is for those who inherit."""

    def __init__(self, child: ChildProcess) -> None:
        """Own `child`: it ends with this."""
        self._child = child

    def kill(self) -> None:
        """End the process at once, from any thread: a pending call raises ChildDied. Safe to repeat."""
        self._child.kill()

    @property
    def is_alive(self) -> bool:
        """Whether the process can take a call."""
        return self._child.is_alive

    def cpu_seconds(self) -> float | None:
        """Give the CPU time that the process has used; None once it is dead."""
        return self._child.cpu_seconds()

    def memory_bytes(self) -> int:
        """Give the resident memory of the process and of all that it started; 0 once it is dead."""
        return self._child.memory_bytes()

    def close(self) -> None:
        """End the process and free what it holds here. Safe to repeat."""
        self._child.close()

    def __enter__(self) -> Self:
        """Close it at the end of the block."""
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()
