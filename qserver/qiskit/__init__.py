"""QServer as a Qiskit provider: its backends, sampler and estimator run on the server. Needs `qserver-sdk[qiskit]`."""

from qserver.qiskit.backend import QServerBackend as QServerBackend
from qserver.qiskit.estimator import EstimatorV2 as EstimatorV2
from qserver.qiskit.provider import QServerProvider as QServerProvider
from qserver.qiskit.sampler import SamplerV2 as SamplerV2
