"""Ends the process as a program would."""

import sys

sys.exit("not today")
