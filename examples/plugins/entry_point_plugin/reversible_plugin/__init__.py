"""A simulator of reversible circuits (x, cx, ccx, swap), as a plugin for QServer."""
