"""How fast a GHZ state of 5 qubits loses its coherence with the noise of its gates. Needs `qserver-sdk[qiskit]`."""

from qiskit import QuantumCircuit

from qserver import Client

QUBITS = 5
NOISE = (0.0, 0.01, 0.02, 0.05)

ghz = QuantumCircuit(QUBITS)
ghz.h(0)
for qubit in range(QUBITS - 1):
    ghz.cx(qubit, qubit + 1)

with Client() as client:
    jobs = [
        client.submit(
            ghz,
            backend="aer_density_matrix",
            results=["expval"],
            observables=["X" * QUBITS, "Z" + "I" * (QUBITS - 2) + "Z"],
            options={"noise_model": {"name": "depolarizing", "two_qubit_probability": probability}}
            if probability
            else {},
        )
        for probability in NOISE
    ]
    for probability, job in zip(NOISE, jobs, strict=True):
        coherence, correlation = job.result(timeout_seconds=60).expval
        print(f"noise {probability:.2f}: <XXXXX> = {coherence:+.4f}, <ZIIIZ> = {correlation:+.4f}")
