"""Expectation values of the server are those of Qiskit's own estimators."""

import numpy as np
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp

from qserver.qiskit import EstimatorV2
from qserver.qiskit.transport import Transport


def test_a_table_of_parameter_values_is_swept_on_the_server(transport: Transport) -> None:
    circuit = efficient_su2(3, reps=1)
    observable = SparsePauliOp(["ZZI", "IXY", "III"], [1.0, -0.5, 0.25])
    table = np.random.default_rng(1).uniform(-np.pi, np.pi, (20, circuit.num_parameters))

    result = EstimatorV2(transport).run([(circuit, observable, table)]).result()[0]

    expected = StatevectorEstimator().run([(circuit, observable, table)]).result()[0]
    assert result.data.shape == (20,)
    np.testing.assert_allclose(result.data.evs, expected.data.evs, atol=1e-12)
    np.testing.assert_array_equal(result.data.stds, np.zeros(20))
