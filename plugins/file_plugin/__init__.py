"""Plugins written for the original service: each runs unmodified in an environment and a process of its own."""
