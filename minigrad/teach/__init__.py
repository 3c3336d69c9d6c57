"""What says in words what is wrong with a gradient or a run."""
