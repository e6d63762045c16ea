"""Python's garbage collector, told what a process is: much that is loaded once, and many values that come and go."""

import gc

_NEW_OBJECTS = 10_000

SERVICE_ROUNDS = 20
CHILD_ROUNDS = 3
"""For processes that read circuits: parsers leave trees full of cycles, so that old objects are looked at about as
often as Python would (after 90,000 new ones)."""


def spare_what_is_loaded(*, rounds: int = SERVICE_ROUNDS) -> None:
    """Have the collector leave all that is there now alone, and come by for every 10,000 new objects instead of 700.

    To be called once a process is loaded; those forked later are told with it. Objects that stay are looked at again
    every `rounds` times, and old ones every `rounds` times of these. A batch of 250 jobs is tens of thousands of
    objects, none of them in a cycle; looking at them again and again took a tenth of a service's time, and of a
    simulator's.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, rounds, rounds)
