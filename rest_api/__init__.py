"""HTTP: results, live events, administration."""
