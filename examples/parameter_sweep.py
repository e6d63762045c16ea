"""How two spins agree as an angle between them is turned: a table of values in one job. Needs `qserver-sdk[qiskit]`."""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qserver.qiskit import EstimatorV2, SamplerV2

theta = Parameter("theta")
circuit = QuantumCircuit(2)
circuit.ry(theta, 0)
circuit.cx(0, 1)
angles = np.linspace(0, np.pi, 7)

values = EstimatorV2().run([(circuit, [["ZI"], ["XX"]], angles[:, None])]).result()[0].data.evs
circuit.measure_all()
shots = SamplerV2(default_shots=1000).run([(circuit, angles[:, None])]).result()[0].data.meas

for place, angle in enumerate(angles):
    counts = shots.get_counts(place)
    print(f"theta {angle:.2f}: <ZI> = {values[0, place]:+.4f}, <XX> = {values[1, place]:+.4f}, {counts}")
