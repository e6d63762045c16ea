"""What people hold as a circuit, made into bytes in a format that the server reads."""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from qserver.circuits import CircuitFormat, CircuitSource
from qserver.errors import InvalidRequest

AnyCircuit: TypeAlias = Any
"""OpenQASM text, QPY bytes, a path, or a circuit of Qiskit, Cirq or PennyLane: their types are known by name alone."""

ManyCircuits: TypeAlias = list[AnyCircuit] | tuple[AnyCircuit, ...]
"""A list of circuits. Other sequences are no lists here: circuits are sequences too, of their operations."""

_OPENQASM = re.compile(r"\ufeff?(?:\s+|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*OPENQASM\s+(\d)", re.DOTALL)
_QPY_MAGIC = b"QISKIT"
_FORMATS: Mapping[str, CircuitFormat] = MappingProxyType({"2": CircuitFormat.OPENQASM2, "3": CircuitFormat.OPENQASM3})
_MODULES_BY_PACKAGE: Mapping[str, str] = MappingProxyType(
    {
        "qiskit": "qserver.client.qiskit_circuits",
        "cirq": "qserver.client.cirq_circuits",
        "pennylane": "qserver.client.pennylane_circuits",
    }
)
"""Who knows the classes of a package; loaded with the first circuit of it, when the package is loaded already."""

_WRITTEN_AS_QPY = "qiskit"

Write = Callable[[AnyCircuit], CircuitSource]


@dataclass(frozen=True, slots=True)
class UnreadSource:
    """Bytes whose format the server is to tell: text of a file plugin, say."""

    source: bytes


class CircuitWriter:
    """Writes circuits for one server. The same object given many times in a call is written once."""

    def __init__(self, writers: Mapping[str, Write] | None = None, *, qpy_versions: Sequence[int] = ()) -> None:
        """Use `writers`, by the name of a package, in the place of our own; write QPY that the server reads."""
        self._qpy_versions = qpy_versions
        self._writers: dict[str, Write] = dict(writers or {})

    def write(self, circuit: AnyCircuit) -> CircuitSource | UnreadSource:
        """Give a circuit's bytes. Raises InvalidRequest for what is no circuit, or can't be read or written."""
        match circuit:
            case bytes() | bytearray() | memoryview():
                return _sniffed(bytes(circuit))
            case str():
                return _sniffed(circuit.encode()) if _is_source(circuit) else _read(Path(circuit))
            case os.PathLike():
                return _read(Path(circuit))
            case _:
                return self._writer_of(circuit)(circuit)

    def write_all(self, circuits: Sequence[AnyCircuit]) -> list[CircuitSource | UnreadSource]:
        """Write many circuits. Raises as `write` does, naming the first that can't be written."""
        written: dict[int, CircuitSource | UnreadSource] = {}
        for position, circuit in enumerate(circuits):
            if id(circuit) not in written:
                try:
                    written[id(circuit)] = self.write(circuit)
                except InvalidRequest as error:
                    raise InvalidRequest(f"circuit {position}: {error.message}", reason=error.reason) from error
        return [written[id(circuit)] for circuit in circuits]

    def _writer_of(self, circuit: AnyCircuit) -> Write:
        package = _package_of(type(circuit))
        if package is None:
            kind = f"{type(circuit).__module__}.{type(circuit).__qualname__}"
            raise InvalidRequest(
                f"{kind} is no circuit: give OpenQASM, QPY bytes, a path, or a circuit of Qiskit, Cirq or PennyLane"
            )
        if package not in self._writers:
            write = import_module(_MODULES_BY_PACKAGE[package]).write
            is_qpy = package == _WRITTEN_AS_QPY
            self._writers[package] = partial(write, qpy_versions=self._qpy_versions) if is_qpy else write
        return self._writers[package]


def are_written_as_qpy(circuits: Iterable[AnyCircuit]) -> bool:
    """Whether any of these is an object that is sent as QPY, whose version the server must read."""
    return any(_package_of(kind) == _WRITTEN_AS_QPY for kind in set(map(type, circuits)))


def _package_of(kind: type) -> str | None:
    packages = (base.__module__.partition(".")[0] for base in kind.__mro__)
    return next((package for package in packages if package in _MODULES_BY_PACKAGE), None)


def _is_source(text: str) -> bool:
    """Whether text is a circuit and not the path of one: no path has a line end or a semicolon in it."""
    return any(mark in text for mark in "\n;") or _OPENQASM.match(text) is not None


def _read(path: Path) -> CircuitSource | UnreadSource:
    try:
        return _sniffed(path.expanduser().read_bytes())
    except OSError as error:
        raise InvalidRequest(f"can't read the circuit {path}: {error.strerror}") from error


def _sniffed(source: bytes) -> CircuitSource | UnreadSource:
    if source.startswith(_QPY_MAGIC):
        return CircuitSource(CircuitFormat.QPY, source)
    header = _OPENQASM.match(source[:4096].decode(errors="replace"))
    found = _FORMATS.get(header[1]) if header else None
    return UnreadSource(source) if found is None else CircuitSource(found, source)
