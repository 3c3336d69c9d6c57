"""Check an update rule: how it may be called, the rule beside it, mistakes in its lines, and the search for them."""
