"""Check a forward pass: forms of the same graph, the mistakes at its operations, and the search for them."""
