"""What is asked for, as planning and running both see it: a circuit's profile, a request, its options.

The rules in here decide how counts are made; plan and run must agree on them.
"""

import math
from dataclasses import dataclass

from plugins.aer.methods import Method
from plugins.aer.options import AerOptions, parse_options
from qserver.circuits import CircuitProfile
from qserver.jobs import RunRequest
from qserver.results import SAMPLED_RESULT_TYPES, ResultType
from qserver.sweeps import VALUE_BYTES

ALWAYS_DRAWN_BITS = 14
"""Up to 2^14 outcomes one draw costs less than Aer's sampling of a few hundred shots (0.4 ms against 4.6 ms)."""
MAX_DRAWN_BITS = 22
"""Beyond it the vector of probabilities (8 * 2^n bytes, twice) weighs as much as the state."""
OUTCOMES_PER_SHOT = 512
"""In between, drawing pays once there is a shot for each 512 outcomes: 4 ns an outcome against 2 us a shot."""

_METHODS_WITH_CHEAP_PROBABILITIES = frozenset({Method.STATEVECTOR, Method.DENSITY_MATRIX})


@dataclass(frozen=True, slots=True)
class Demand:
    """One circuit, and how it is to be run."""

    profile: CircuitProfile
    request: RunRequest
    options: AerOptions

    @classmethod
    def of(cls, profile: CircuitProfile, request: RunRequest, *, noise_model: bytes | None = None) -> "Demand":
        """Read the request's options; `noise_model` as in `parse_options`. Raises InvalidRequest(INVALID_OPTION)."""
        return cls(profile, request, parse_options(request.options, noise_model=noise_model))

    def wants(self, result_type: ResultType) -> bool:
        """Whether this result type was asked for."""
        return result_type in self.request.result_types

    @property
    def wants_sample(self) -> bool:
        """Whether anything drawn from shots was asked for."""
        return bool(self.request.result_types & SAMPLED_RESULT_TYPES)

    @property
    def result_bytes(self) -> int:
        """How large a sweep's result is: exactly, but for the document beside its arrays."""
        sweep = self.request.sweep
        if sweep is None:
            return 0
        if self.wants(ResultType.EXPVAL):
            return 2 * VALUE_BYTES * math.prod(sweep.result_shape)
        return sweep.num_points * self.request.shots * ((self.profile.num_clbits + 7) // 8)

    @property
    def can_leave_out_idle_qubits(self) -> bool:
        """Whether qubits that nothing touches need not be held: no state of all is wanted, no noise names qubits."""
        names_qubits = self.options.noise is not None and self.options.noise.names_qubits
        return not self.wants(ResultType.STATEVECTOR) and not names_qubits

    @property
    def dense_qubits(self) -> int:
        """How many qubits a dense state holds."""
        if self.profile.num_active_qubits is None or not self.can_leave_out_idle_qubits:
            return self.profile.num_qubits
        return max(1, self.profile.num_active_qubits)

    @property
    def width(self) -> str:
        """The number of qubits, for people."""
        used = "" if self.dense_qubits == self.profile.num_qubits else f" ({self.dense_qubits} of them used)"
        return f"{self.profile.num_qubits} qubits{used}"

    def is_deterministic(self, method: Method) -> bool:
        """Whether one run gives the final state itself, not one trajectory of many.

        A density matrix holds noise and resets without sampling them; measurements in the middle split any state.
        """
        if self.profile.has_control_flow or self.profile.has_mid_circuit_measurement:
            return False
        return method is Method.DENSITY_MATRIX or (self.options.noise is None and not self.profile.has_reset)

    def draws_exactly(self, method: Method) -> bool:
        """Whether counts come from the exact state by one draw for all shots.

        A seed asks for Aer's own sampling; noise goes through Aer so that errors of the measurement itself count.
        """
        if self.request.seed is not None or self.options.noise is not None or not self.wants_sample:
            return False
        if not self.is_deterministic(method):
            return False
        if method is Method.STABILIZER:
            return True
        bits = self.profile.num_measured_clbits
        if method not in _METHODS_WITH_CHEAP_PROBABILITIES or bits > MAX_DRAWN_BITS:
            return False
        return bits <= ALWAYS_DRAWN_BITS or self.request.shots * OUTCOMES_PER_SHOT >= 2**bits
