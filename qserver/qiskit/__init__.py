"""QServer as a Qiskit provider: its backend, sampler and estimator run on the server. Needs `qserver-sdk[qiskit]`."""

from qserver.qiskit.estimator import EstimatorV2 as EstimatorV2
