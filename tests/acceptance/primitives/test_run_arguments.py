"""What `backend.run` and the primitives are given beside circuits: what doesn't fit is refused in a sentence."""

from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_aer import AerSimulator

from qserver.errors import InvalidRequest
from qserver.qiskit import EstimatorV2, QServerBackend, SamplerV2


def _measured() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    return circuit


@pytest.mark.parametrize(
    ("binds", "words"),
    [
        ([], "1 circuits have 0 parameter_binds"),
        ([{Parameter("other"): [1.0]}], "circuit 0: parameter_binds don't fit.*other"),
        ({Parameter("angle"): [1.0]}, "must be a list"),
    ],
)
def test_binds_that_do_not_fit_are_refused(backend: QServerBackend, binds: object, words: str) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.rx(Parameter("angle"), 0)
    circuit.measure(0, 0)

    with pytest.raises(InvalidRequest, match=words):
        backend.run([circuit], parameter_binds=binds)  # type: ignore[arg-type]


def test_columns_of_binds_have_one_length(backend: QServerBackend) -> None:
    first, second = Parameter("first"), Parameter("second")
    circuit = QuantumCircuit(1, 1)
    circuit.u(first, second, 0, 0)
    circuit.measure(0, 0)

    with pytest.raises(InvalidRequest, match="circuit 0: parameter_binds don't fit"):
        backend.run([circuit], parameter_binds=[{first: [0.1, 0.2], second: [0.3]}])


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"shots": 1.5}, "shots is 1.5; it must be a whole number"),
        ({"seed_simulator": "a"}, "seed is 'a'; it must be a whole number"),
        ({"noise_model": "depolarizing"}, "noise_model is 'depolarizing'; it must be a NoiseModel"),
    ],
)
def test_an_option_of_another_type_is_refused(backend: QServerBackend, option: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        backend.run(_measured(), **option)


def test_no_pubs_have_no_results(backend: QServerBackend) -> None:
    assert len(SamplerV2(backend=backend).run([]).result(timeout_seconds=1)) == 0
    assert len(EstimatorV2(backend=backend).run([]).result()) == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [(None, "circuit 0 is of the type NoneType"), ([_measured(), (_measured(), [])], "circuit 1 is of the type tuple")],
)
def test_what_is_no_circuit_is_named(backend: QServerBackend, wrong: object, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        backend.run(wrong)


@pytest.mark.parametrize("primitive", [SamplerV2, EstimatorV2])
def test_a_backend_of_this_process_is_no_servers(primitive: type[SamplerV2 | EstimatorV2]) -> None:
    with pytest.raises(InvalidRequest, match=r"backend is AerSimulator.*QServerProvider\(\)\.get_backend"):
        primitive(backend=AerSimulator())


@pytest.mark.parametrize("method", ["matrix_product_state", "statevector", None])
def test_limits_of_a_matrix_product_state_are_taken_and_bind_that_method_alone(
    backend: QServerBackend, method: str | None
) -> None:
    ghz = QuantumCircuit(4)
    ghz.h(0)
    for qubit in range(3):
        ghz.cx(qubit, qubit + 1)
    options = {"method": method, "matrix_product_state_max_bond_dimension": 1}

    (found,) = EstimatorV2(backend=backend, options={"backend_options": options}).run([(ghz, "XXXX")]).result()

    # A product state, which is all that a bond dimension of 1 holds, has lost the coherence.
    assert abs(float(found.data.evs)) == pytest.approx(0.0 if method == "matrix_product_state" else 1.0, abs=1e-6)
