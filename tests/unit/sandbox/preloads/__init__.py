"""Modules that a forkserver should not be told to load."""
