"""CPU time and memory are read as the kernel writes them."""

import os
import subprocess
import sys

from bench import processes
from bench.meter import CLIENT, Part, measure, peak_memory_bytes
from bench.processes import Process, below, parse_peak, parse_stat

TICKS = os.sysconf("SC_CLK_TCK")


def test_cpu_time_includes_buried_children_whatever_the_program_is_called() -> None:
    stat = "42 (a) (b c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 1 0 100 1000 10"

    assert parse_stat(stat) == Process(42, 7, 127 / TICKS)


def test_the_peak_is_given_in_bytes() -> None:
    assert parse_peak("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n") == 2048 * 1024
    assert parse_peak("Name:\tkthreadd\n") == 0


def test_all_descendants_are_found() -> None:
    running = {pid: Process(pid, parent, 0.0) for pid, parent in ((1, 0), (2, 1), (3, 2), (4, 1), (5, 0))}

    assert {process.pid for process in below(1, running)} == {2, 3, 4}


def test_work_is_charged_to_the_part_that_did_it() -> None:
    program = "import time, sys\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        parts = [Part("worker", worker.pid)]

        measured = measure(parts, worker.stdout.readline)

        assert 0.1 < measured.cpu_seconds["worker"] < 0.6
        assert measured.cpu_seconds[CLIENT] < 0.1
        assert measured.served_cpu_seconds == measured.cpu_seconds["worker"]
        assert peak_memory_bytes(parts)["worker"] > 1_000_000
        worker.kill()


def test_a_process_that_runs_is_listed() -> None:
    assert processes.running()[os.getpid()].parent == os.getppid()
