"""Who asks: keys, tokens, addresses."""
