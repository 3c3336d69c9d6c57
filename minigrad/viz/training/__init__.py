"""A training run, watched: `watch`."""
