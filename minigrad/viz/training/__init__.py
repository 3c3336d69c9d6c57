"""Training runs from inside: `watch`."""
