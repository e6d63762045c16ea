"""The plugin `auto`: picks, for each circuit, the engine that gives what was asked for soonest."""
