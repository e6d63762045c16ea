"""Pull, claim, batch, simulate, store."""
