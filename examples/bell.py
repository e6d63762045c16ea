"""A Bell pair on the box: `QSERVER_URL=https://box python examples/bell.py`. Needs the client alone."""

from pathlib import Path

from qserver import Client

with Client() as client:
    job = client.submit(
        Path(__file__).with_name("bell.qasm"), shots=4096, results=["counts", "expval"], observables=["ZZ", "XX"]
    )
    result = job.result(timeout_seconds=60)

print(f"job {job.id}: {result.run.method} on {result.run.device}")
print("counts", result.counts)
print("<ZZ>, <XX> =", result.expval)
