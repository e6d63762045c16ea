"""Tests that every implementation of an interface must pass, run by tests/unit and tests/integration alike."""
