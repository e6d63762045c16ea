"""QServer: run quantum circuits on a better machine than your laptop. The words that every part shares."""

__version__ = "0.1.0"
