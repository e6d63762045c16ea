import os
from pathlib import Path

import pytest

from qserver.machine import Machine, read_machine

HOST_MEMORY_KIB = 64 * 1024 * 1024
GIB = 1024**3


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    write(tmp_path / "proc/meminfo", f"MemTotal:       {HOST_MEMORY_KIB} kB\nMemFree: 1 kB\n")
    write(tmp_path / "proc/self/cgroup", "0::/\n")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_limits_the_affinity_and_the_host_count(root: Path) -> None:
    write(root / "sys/fs/cgroup/cpu.max", "max 100000\n")
    write(root / "sys/fs/cgroup/memory.max", "max\n")

    assert read_machine(root) == Machine(cores=16, memory_bytes=64 * GIB)


def test_a_cgroup_v2_limit_counts(root: Path) -> None:
    write(root / "sys/fs/cgroup/cpu.max", "250000 100000\n")
    write(root / "sys/fs/cgroup/memory.max", f"{2 * GIB}\n")

    assert read_machine(root) == Machine(cores=2, memory_bytes=2 * GIB)


def test_the_tightest_limit_on_the_way_up_counts(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/outer/inner\n")
    write(root / "sys/fs/cgroup/outer/cpu.max", "300000 100000\n")
    write(root / "sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n")
    write(root / "sys/fs/cgroup/outer/memory.max", f"{3 * GIB}\n")
    write(root / "sys/fs/cgroup/outer/inner/memory.max", f"{4 * GIB}\n")

    assert read_machine(root) == Machine(cores=3, memory_bytes=3 * GIB)


def test_a_cgroup_v1_limit_counts_even_where_the_path_is_the_hosts(root: Path) -> None:
    write(root / "proc/self/cgroup", "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n")
    write(root / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000\n")
    write(root / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    write(root / "sys/fs/cgroup/memory/memory.limit_in_bytes", f"{GIB}\n")

    assert read_machine(root) == Machine(cores=4, memory_bytes=GIB)


def test_the_numbers_for_unlimited_in_cgroup_v1_are_no_limit(root: Path) -> None:
    write(root / "proc/self/cgroup", "4:memory:/\n1:cpu:/\n")
    write(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    write(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    write(root / "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")

    assert read_machine(root) == Machine(cores=16, memory_bytes=64 * GIB)


def test_less_than_a_core_is_one(root: Path) -> None:
    write(root / "sys/fs/cgroup/cpu.max", "50000 100000\n")

    assert read_machine(root).cores == 1


def test_this_machine_can_be_read() -> None:
    machine = read_machine()

    assert machine.cores >= 1
    assert machine.memory_bytes > GIB // 16
