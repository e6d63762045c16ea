"""How a result came to be, for the metadata of Qiskit's results."""

from qserver.rpc.v1 import jobs_pb2


def run_metadata(run: jobs_pb2.RunRecord) -> dict[str, object]:
    """Give what the server tells of a run, by the names of its interface; what is zero or empty is left out."""
    return {field.name: value for field, value in run.ListFields()}


def run_seconds(run: jobs_pb2.RunRecord) -> float:
    """Give how long a circuit was read and simulated, as Aer's `time_taken` is."""
    return run.loading_seconds + run.simulating_seconds
