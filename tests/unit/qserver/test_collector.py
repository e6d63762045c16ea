"""The garbage collector of a service."""

import subprocess
import sys

PROGRAM = """
import gc
from qserver.collector import spare_what_is_loaded
spare_what_is_loaded()
frozen = gc.get_freeze_count()
class Ring:
    pass
ring = Ring()
ring.itself = ring
del ring
print(frozen > 1000, gc.get_threshold()[0] > 700, gc.collect() > 0)
"""


def test_what_is_loaded_is_left_alone_and_rings_are_still_found() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.split() == ["True", "True", "True"]
