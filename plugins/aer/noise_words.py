"""Noise as a request describes it, as values. Building Aer's model from them is `noise_models`'s work."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from qserver.errors import InvalidRequest, Reason
from qserver.json_types import JsonObject, JsonValue

DEPOLARIZING, THERMAL, READOUT = "depolarizing", "thermal", "readout"
PAULI_CHANNEL_OPERATIONS = frozenset({"id", "x", "y", "z", "pauli", "reset"})
"""Operations of an error that keep a stabilizer state one."""


class _Noise:
    """What noise is that says nothing else: alike on all qubits, a mixture of Paulis, in gates alone."""

    __slots__ = ()

    @property
    def names_qubits(self) -> bool:
        """Whether some errors act on some qubits only, so that qubits can't be renumbered."""
        return False

    @property
    def keeps_stabilizers(self) -> bool:
        """Whether a stabilizer simulation can follow it."""
        return True

    @property
    def disturbs_measurement(self) -> bool:
        """Whether outcomes are noisy beyond the state itself."""
        return False


@dataclass(frozen=True, slots=True)
class DepolarizingNoise(_Noise):
    """After each gate its qubits are replaced by the maximally mixed state with this probability."""

    one_qubit_probability: float
    two_qubit_probability: float


@dataclass(frozen=True, slots=True)
class ThermalNoise(_Noise):
    """Each gate lets its qubits relax (T1) and dephase (T2) for as long as the gate takes."""

    t1_us: float
    t2_us: float
    one_qubit_gate_ns: float
    two_qubit_gate_ns: float
    measurement_ns: float
    excited_state_population: float

    @property
    def keeps_stabilizers(self) -> bool:
        """Whether it is a mixture of Z and resets: only while T2 <= T1 (`thermal_relaxation_error` of Aer)."""
        return self.t2_us <= self.t1_us

    @property
    def disturbs_measurement(self) -> bool:
        """Whether outcomes are noisy beyond the state itself."""
        return self.measurement_ns > 0


@dataclass(frozen=True, slots=True)
class ReadoutNoise(_Noise):
    """Each measured bit is read wrongly with these probabilities."""

    p1_given_0: float
    p0_given_1: float

    @property
    def disturbs_measurement(self) -> bool:
        """Whether outcomes are noisy beyond the state itself."""
        return True


@dataclass(frozen=True, slots=True)
class CustomNoise(_Noise):
    """Aer's own JSON form (`NoiseModel.to_dict(serializable=True)`)."""

    document: JsonObject

    @property
    def names_qubits(self) -> bool:
        """Whether some errors act on some qubits only, so that qubits can't be renumbered."""
        return any(error.get("gate_qubits") is not None for error in _mappings(self.document.get("errors")))

    @property
    def keeps_stabilizers(self) -> bool:
        """Whether every quantum error is a mixture of Paulis and resets."""
        return all(name in PAULI_CHANNEL_OPERATIONS for name in self._operations_of_errors())

    @property
    def disturbs_measurement(self) -> bool:
        """Whether outcomes are noisy beyond the state itself."""
        return any(
            error.get("type") == "roerror" or "measure" in _sequence(error.get("operations"))
            for error in _mappings(self.document.get("errors"))
        )

    def _operations_of_errors(self) -> Iterator[JsonValue]:
        for error in _mappings(self.document.get("errors")):
            for circuit in _sequence(error.get("instructions")):
                for instruction in _mappings(circuit):
                    yield instruction.get("name")


@dataclass(frozen=True, slots=True)
class StoredNoise(_Noise):
    """A model in Aer's own form that is stored beside its jobs, and told apart by its hash.

    Planning needs what the reference says of it alone; `text` is there once it is to be run. What a reference leaves
    out is taken for the worst.
    """

    sha256: str
    names_qubits: bool = True
    keeps_stabilizers: bool = False
    disturbs_measurement: bool = True
    text: bytes | None = field(default=None, compare=False, repr=False)


NoiseWords = DepolarizingNoise | ThermalNoise | ReadoutNoise | CustomNoise | StoredNoise


def parse_noise(document: JsonObject, *, stored_text: bytes | None = None) -> NoiseWords:
    """Read the option `noise_model`, which its schema has let through; `stored_text` is what it may refer to.

    Raises InvalidRequest for what a schema can't say: T2 above 2 T1, which no qubit can have.
    """
    if isinstance(sha256 := document.get("sha256"), str):
        return StoredNoise(
            sha256,
            names_qubits=document.get("names_qubits") is not False,
            keeps_stabilizers=document.get("keeps_stabilizers") is True,
            disturbs_measurement=document.get("disturbs_measurement") is not False,
            text=stored_text,
        )
    match document.get("name"):
        case str(name) if name == DEPOLARIZING:
            return DepolarizingNoise(
                one_qubit_probability=_number(document, "one_qubit_probability", 0.0),
                two_qubit_probability=_number(document, "two_qubit_probability", 0.0),
            )
        case str(name) if name == THERMAL:
            return _parse_thermal(document)
        case str(name) if name == READOUT:
            return ReadoutNoise(
                p1_given_0=_number(document, "p1_given_0", 0.0), p0_given_1=_number(document, "p0_given_1", 0.0)
            )
        case None:
            return CustomNoise(document)
        case other:
            raise _wrong(f"noise_model.name is {other!r}; it may be {DEPOLARIZING}, {THERMAL} or {READOUT}")


def _parse_thermal(document: JsonObject) -> ThermalNoise:
    noise = ThermalNoise(
        t1_us=_number(document, "t1_us", math.nan),
        t2_us=_number(document, "t2_us", math.nan),
        one_qubit_gate_ns=_number(document, "one_qubit_gate_ns", 0.0),
        two_qubit_gate_ns=_number(document, "two_qubit_gate_ns", 0.0),
        measurement_ns=_number(document, "measurement_ns", 0.0),
        excited_state_population=_number(document, "excited_state_population", 0.0),
    )
    if not (noise.t1_us > 0 and noise.t2_us > 0):
        raise _wrong("noise_model 'thermal' needs t1_us and t2_us, both above 0")
    if noise.t2_us > 2 * noise.t1_us:
        raise _wrong(f"noise_model.t2_us is {noise.t2_us:g}; T2 can't pass 2 * T1, which is {2 * noise.t1_us:g}")
    return noise


def _number(document: JsonObject, name: str, default: float) -> float:
    value = document.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(f"noise_model.{name} is no number")
    return float(value)


def _sequence(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _mappings(value: JsonValue) -> Iterator[JsonObject]:
    return (item for item in _sequence(value) if isinstance(item, Mapping))


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason=Reason.INVALID_OPTION)
