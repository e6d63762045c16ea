"""Which method the backend `aer` takes: the cheapest that is exact, by the circuit's profile."""

from dataclasses import dataclass

from plugins.aer.demand import Demand
from plugins.aer.estimates import bond_dimension, estimate, state_bytes
from plugins.aer.methods import Device, Method
from qserver.results import ResultType

STABILIZER_QUBITS = 15
"""From here a tableau beats the statevector even where Aer samples it (GHZ-20: 7 ms against 115)."""
DENSITY_MATRIX_QUBITS = 12
"""4^12 entries are 256 MiB and take as long as 4,096 statevector trajectories."""
ASSUMED_MEMORY_BYTES = 16 * 2**30
"""What a worker is taken to have while none is known: only for choosing, nothing is refused by it."""
MPS_SECONDS = 3600.0
"""A matrix product state that is foreseen to take longer than this isn't chosen unasked."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A method and why."""

    method: Method
    reason: str


def choose_method(demand: Demand, *, memory_bytes: int, only_gpu_methods: bool) -> Choice:
    """Choose for the backend `aer`.

    `memory_bytes` is what the largest worker has. Where nothing fits, the statevector is named, for the planner to
    refuse with its size.
    """
    chooser = _Chooser(demand, memory_bytes or ASSUMED_MEMORY_BYTES)
    if only_gpu_methods:
        return chooser.density_matrix() or chooser.statevector("a GPU was asked for")
    return (
        chooser.only_statevector()
        or chooser.stabilizer()
        or chooser.density_matrix()
        or chooser.fitting_statevector()
        or chooser.matrix_product_state()
        or chooser.statevector("no cheaper exact method is known for this circuit")
    )


@dataclass(frozen=True, slots=True)
class _Chooser:
    """One question a method, each answered by a choice or None; `choose_method` puts them in order."""

    demand: Demand
    memory_bytes: int

    def statevector(self, why: str) -> Choice:
        return Choice(Method.STATEVECTOR, f"statevector of {self.demand.width}: {why}")

    def only_statevector(self) -> Choice | None:
        if self.demand.wants(ResultType.STATEVECTOR):
            return self.statevector("the statevector itself is wanted")
        return None

    def fitting_statevector(self) -> Choice | None:
        if not self._fits(Method.STATEVECTOR):
            return None
        return self.statevector("it fits in memory" if self.demand.options.noise is None else "noise as trajectories")

    def stabilizer(self) -> Choice | None:
        noise = self.demand.options.noise
        is_wide = self.demand.dense_qubits >= STABILIZER_QUBITS
        if not (self.demand.profile.is_clifford and is_wide) or (noise is not None and not noise.keeps_stabilizers):
            return None
        if noise is not None and self.demand.wants(ResultType.PROBABILITIES):
            return None
        return Choice(Method.STABILIZER, f"stabilizer tableau of {self.demand.width}: every gate is Clifford")

    def density_matrix(self) -> Choice | None:
        """Take it where it replaces trajectories: exact values are wanted, or shots outnumber the larger state."""
        demand = self.demand
        if demand.is_deterministic(Method.STATEVECTOR) or not demand.is_deterministic(Method.DENSITY_MATRIX):
            return None
        if demand.dense_qubits > DENSITY_MATRIX_QUBITS or not self._fits(Method.DENSITY_MATRIX):
            return None
        wants_exact = demand.wants(ResultType.PROBABILITIES) or demand.wants(ResultType.EXPVAL)
        if wants_exact or demand.request.shots >= 2**demand.dense_qubits:
            without = "reset" if demand.options.noise is None else "noise"
            return Choice(Method.DENSITY_MATRIX, f"density matrix of {demand.width}: {without} without sampling it")
        return None

    def matrix_product_state(self) -> Choice | None:
        """Take it where the dense state can't be held and a bound on the entanglement says that the chain can."""
        foreseen = estimate(self.demand, Method.MATRIX_PRODUCT_STATE, Device.CPU)
        if foreseen.memory_bytes > self.memory_bytes or foreseen.seconds > MPS_SECONDS:
            return None
        return Choice(
            Method.MATRIX_PRODUCT_STATE,
            f"matrix product state of {self.demand.width}: the statevector doesn't fit, and bonds stay within "
            f"{bond_dimension(self.demand):,}; nothing is truncated",
        )

    def _fits(self, method: Method) -> bool:
        # The bare state first: where it doesn't fit, the rest of the estimate is not needed.
        if state_bytes(self.demand, method) > self.memory_bytes:
            return False
        return estimate(self.demand, method, Device.CPU).memory_bytes <= self.memory_bytes
