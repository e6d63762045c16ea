"""Qiskit Aer as a plugin. Nothing here imports Qiskit; the modules that do are imported only when work is done."""
