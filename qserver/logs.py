"""Logs: one event a line, a static name and fields. JSON for machines, colours for people.

No circuit, token or password is ever a field. `structlog.contextvars.bind_contextvars(job_id=...)` names the job once.
"""

import fcntl
import logging
import logging.handlers
import os
import sys
from itertools import chain, count
from pathlib import Path

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from qserver.errors import SettingsError
from qserver.settings import LogSettings


def _shared_processors(service: str) -> list[Processor]:
    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Name the service. Not a context variable: threads started earlier would not have it."""
        event["service"] = service
        return event

    return [
        structlog.contextvars.merge_contextvars,
        name_service,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _formatter(service: str, renderer: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared_processors(service),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer,
        ],
    )


def _console(service: str, settings: LogSettings) -> logging.Handler:
    handler = logging.StreamHandler(sys.stdout)
    renderer: Processor = structlog.processors.JSONRenderer()
    if settings.log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    handler.setFormatter(_formatter(service, renderer))
    return handler


class _OwnFile(logging.handlers.TimedRotatingFileHandler):
    """A file a day that no other process writes to: replicas share a folder, and would rename each other's files.

    The first free one of worker.log, worker-2.log, ... is taken. Its lock is the kernel's: it is gone with the process,
    however that ends, so that a service which starts again goes on in the same file.
    """

    def __init__(self, service: str, folder: Path) -> None:
        for name in chain([service], (f"{service}-{number}" for number in count(2))):
            self._lock = os.open(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._lock)
                continue
            super().__init__(folder / f"{name}.log", when="midnight", utc=True)
            return

    def close(self) -> None:
        super().close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _file(service: str, folder: Path) -> logging.Handler:
    """Write a file a day, always as JSON. The janitor prunes old days: a service never deletes its own logs."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = _OwnFile(service, folder)
    except OSError as error:
        raise SettingsError(f"can't write logs to {folder} (QSERVER_LOG_FOLDER): {error.strerror or error}") from error
    handler.setFormatter(_formatter(service, structlog.processors.JSONRenderer()))
    return handler


def configure_logs(service: str, settings: LogSettings) -> None:
    """Send structlog's and the standard library's events, libraries' included, to one stream in one form.

    Call once, first thing in `__main__`. Safe to repeat: handlers are replaced. Raises SettingsError where the folder
    for logs can't be written.
    """
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.addHandler(_console(service, settings))
    if settings.log_folder is not None:
        root.addHandler(_file(service, settings.log_folder))
    root.setLevel(settings.log_level.upper())
    # It tells each failed attempt six times, as errors; qserver.broker tells a loss once and keeps the reason.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[*_shared_processors(service), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
