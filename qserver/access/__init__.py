"""Who asks: keys, tokens, and what a request without either is."""
