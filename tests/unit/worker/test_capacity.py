from qserver.machine import Machine
from qserver.settings import MIB, WorkerSettings
from worker.capacity import Capacity, WideShare, size_worker

GIB = 1024 * MIB


def test_simulators_get_a_place_a_core_and_four_fifths_of_memory() -> None:
    capacity = size_worker(Machine(cores=4, memory_bytes=1000), WorkerSettings(), gpu_memory_bytes=0)

    assert (capacity.places, capacity.cores, capacity.memory_bytes) == (4, 4, 800)
    assert capacity.share_bytes == 200
    assert not capacity.has_gpu


def test_a_large_job_leaves_a_place_while_there_is_memory_for_small_ones() -> None:
    capacity = Capacity(cores=8, places=4, memory_bytes=1600)

    shares = [capacity.of_wide(memory_bytes) for memory_bytes in (1200, 1201, 1550, 1551)]

    assert shares == [
        WideShare(places=3, threads=6, memory_bytes=1200),
        WideShare(places=3, threads=6, memory_bytes=1550),
        WideShare(places=3, threads=6, memory_bytes=1550),
        WideShare(places=4, threads=8, memory_bytes=1600),
    ]


def test_with_few_places_a_large_job_gets_all() -> None:
    assert Capacity(cores=3, places=3, memory_bytes=300).of_wide(10) == WideShare(3, 3, 300)


def test_settings_go_before_what_the_machine_says() -> None:
    settings = WorkerSettings(simulator_processes=3, simulator_memory_mib=600)

    capacity = size_worker(Machine(cores=16, memory_bytes=64 * GIB), settings, gpu_memory_bytes=GIB)

    assert (capacity.places, capacity.cores, capacity.memory_bytes) == (3, 16, 600 * MIB)
    assert capacity.has_gpu
