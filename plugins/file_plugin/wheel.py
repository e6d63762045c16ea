"""What a plugin's wheel says of itself, read without running any of it."""

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from plugins.file_plugin.names import import_name, is_backend, is_version, normalized
from qserver.errors import InvalidRequest
from qserver.repeated import first_repeated

MAX_BACKENDS = 500
MAX_BACKENDS_FILE_BYTES = 64 * 1024
MAX_WHEEL_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class WheelName:
    """The parts of a wheel's file name that matter here (PEP 427)."""

    distribution: str  # normalised
    version: str

    @classmethod
    def parse(cls, file_name: str) -> "WheelName | None":
        """Read `name-version[-build]-python-abi-platform.whl`; None where it is anything else."""
        parts = file_name.removesuffix(".whl").split("-")
        if not file_name.endswith(".whl") or len(parts) not in {5, 6} or not is_version(parts[1]):
            return None
        return cls(distribution=normalized(parts[0]), version=parts[1])


def holds_wheel_of(folder: Path, distribution: str) -> bool:
    """Tell whether a folder holds any wheel of a distribution. Raises InvalidRequest where the folder can't be read."""
    try:
        names = [WheelName.parse(path.name) for path in folder.expanduser().iterdir()]
    except OSError as error:
        raise InvalidRequest(
            f"the folder of wheels can't be read: {error.strerror} (QSERVER_PLUGIN_WHEEL_FOLDER)"
        ) from error
    return any(name is not None and name.distribution == distribution for name in names)


def read_backends(wheel: Path, distribution: str) -> Sequence[str]:
    """List the backends that a wheel declares in `backends.txt` beside its module's code, in the file's order.

    Raises InvalidRequest where the file is missing, too large, no text, or names no or impossible backends.
    """
    member = f"{import_name(distribution)}/backends.txt"
    try:
        content = _member(wheel, member)
    except KeyError:
        raise InvalidRequest(f"{distribution} is no plugin: its wheel has no {member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise InvalidRequest(f"the wheel of {distribution} can't be read: {error}") from error
    if len(content) > MAX_BACKENDS_FILE_BYTES:
        raise InvalidRequest(f"{member} of {distribution} is larger than {MAX_BACKENDS_FILE_BYTES:,} bytes")
    return _backends(content, member)


def _member(wheel: Path, member: str) -> bytes:
    # The name is looked up exactly and nothing is extracted: names with `..` or links in the archive have no effect.
    with zipfile.ZipFile(wheel) as archive:
        if len(archive.filelist) > MAX_WHEEL_ENTRIES:
            raise InvalidRequest(
                f"{wheel.name} has {len(archive.filelist):,} files; the limit is {MAX_WHEEL_ENTRIES:,}"
            )
        with archive.open(member) as file:
            # The size in the archive's header is only a claim: read to the limit and one byte on.
            return file.read(MAX_BACKENDS_FILE_BYTES + 1)


def _backends(content: bytes, member: str) -> Sequence[str]:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InvalidRequest(f"{member} is no UTF-8 text") from None
    names = [line.strip() for line in lines if line.strip()]
    for number, name in enumerate(names, start=1):
        if not is_backend(name):
            raise InvalidRequest(
                f"{member} names an impossible backend {name[:100]!r} (number {number}): letters, digits, '.', '_', '-'"
            )
    _check_number(names, member)
    return names


def _check_number(names: Sequence[str], member: str) -> None:
    if not names:
        raise InvalidRequest(f"{member} names no backend")
    if len(names) > MAX_BACKENDS:
        raise InvalidRequest(f"{member} names {len(names)} backends; the limit is {MAX_BACKENDS}")
    twice = first_repeated(names)
    if twice is not None:
        raise InvalidRequest(f"{member} names {twice!r} twice")
