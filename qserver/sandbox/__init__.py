"""Killable child processes: where circuits are parsed and simulated, and where other people's code runs.

    service --Forkserver.spawn--> forkserver (clean environment, libraries loaded, one thread)
       |                                | fork, confine
       `--------- frames ---------> child: serve(handlers)

Nothing here knows plugins. `frames`, `faults` and `child` use the standard library alone, so that a child may be
another interpreter without our packages.
"""
