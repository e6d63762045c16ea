from qserver.machine import Machine
from qserver.settings import MIB, WorkerSettings
from worker.capacity import size_worker

GIB = 1024 * MIB


def test_simulators_get_a_place_a_core_and_four_fifths_of_memory() -> None:
    capacity = size_worker(Machine(cores=4, memory_bytes=1000), WorkerSettings(), gpu_memory_bytes=0)

    assert (capacity.places, capacity.cores, capacity.memory_bytes) == (4, 4, 800)
    assert capacity.share_bytes == 200
    assert not capacity.has_gpu


def test_settings_go_before_what_the_machine_says() -> None:
    settings = WorkerSettings(simulator_processes=3, simulator_memory_mib=600)

    capacity = size_worker(Machine(cores=16, memory_bytes=64 * GIB), settings, gpu_memory_bytes=GIB)

    assert (capacity.places, capacity.cores, capacity.memory_bytes) == (3, 16, 600 * MIB)
    assert capacity.has_gpu
