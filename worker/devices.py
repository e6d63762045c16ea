"""Which GPU this worker has. What is found here still has to prove itself: see `assembly.gpu_works`."""

import subprocess
import sys

import structlog

PROBE_SECONDS = 60.0
"""A driver that starts up for the first caller after boot takes its time."""

PROBE = """
import ctypes
cuda = ctypes.CDLL("libcuda.so.1")
device, memory_bytes = ctypes.c_int(), ctypes.c_size_t()
if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), 0):
    raise SystemExit(1)
if cuda.cuDeviceTotalMem_v2(ctypes.byref(memory_bytes), device):
    raise SystemExit(1)
print(memory_bytes.value)
"""
"""Asks the driver itself (CUDA Driver API 12, 6.2 and 6.5): it is there wherever a GPU can be used, nvidia-smi isn't.

In a process of its own: one that has spoken to CUDA must never fork, and a broken driver may hang.
"""

log = structlog.get_logger(__name__)


def find_gpu_memory_bytes() -> int:
    """Give the memory of the first GPU that CUDA_VISIBLE_DEVICES leaves visible; 0 where there is none."""
    command = [sys.executable, "-I", "-c", PROBE]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)  # noqa: S603 - our own words
    except subprocess.TimeoutExpired:
        log.warning("gpu_driver_hangs", seconds=PROBE_SECONDS)
        return 0
    return int(answer.stdout) if answer.returncode == 0 else 0
