"""What gRPC alone takes of a job that travels alone: `python -m bench.bare_calls`. CPU time of client and server.

The client is that of the measure `in_turns`; the server answers each call at once, with what it has at hand.
"""

from contextlib import closing

import grpc

from bench.circuits import small_circuits
from bench.grpc_client import GrpcClient
from bench.measures.throughput import CLIENTS, SHOTS
from bench.meter import CLIENT, Part, measure
from bench.peers.bare_jobs_server import PORT_VARIABLE
from bench.program import Program
from bench.tasks import Task
from tests.servers.ports import free_port

JOBS = 2000
ROUNDS = 3
_SERVER = "server"


def main() -> None:
    """Print the CPU milliseconds of each side, a line a round."""
    port = free_port()
    tasks = [Task(source, SHOTS) for source in small_circuits(JOBS, seed=1)]
    with (
        closing(Program("bench.peers.bare_jobs_server", **{PORT_VARIABLE: str(port)})) as server,
        closing(GrpcClient(f"127.0.0.1:{port}")) as client,
    ):
        server.wait_until(lambda: _answers(client, tasks[0]))
        for _ in range(ROUNDS):
            run = measure([Part(_SERVER, server.pid)], lambda: client.run_in_turns(tasks, clients=CLIENTS))
            taken = run.cpu_milliseconds_a_job(JOBS)
            rate = JOBS / run.seconds
            print(f"client {taken[CLIENT]:.2f} ms, server {taken[_SERVER]:.2f} ms a job; {rate:,.0f} jobs/s")


def _answers(client: GrpcClient, task: Task) -> bool:
    try:
        client.run_one(task)
    except grpc.RpcError:
        return False
    return True


if __name__ == "__main__":
    main()
