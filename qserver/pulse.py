"""A file that a service touches while all is well: how a health check sees a service that has no port."""

from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


class Pulse:
    """Touches the file, or does nothing where there is none."""

    def __init__(self, path: Path | None) -> None:
        """Touch `path`; its folder must be there."""
        self._path = path
        self._was_told = False

    def beat(self) -> None:
        """Say that all is well. A file that can't be written is told once: it must not stop the service."""
        if self._path is None:
            return
        try:
            self._path.touch()
        except OSError as error:
            if not self._was_told:
                log.warning("pulse_not_written", file=str(self._path), error=error.strerror)
                self._was_told = True
        else:
            self._was_told = False
