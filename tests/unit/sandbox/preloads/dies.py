"""Kills the process that loads it."""

import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
