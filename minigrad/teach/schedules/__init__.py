"""Check a schedule of the learning rate: how it may be called, the formulas, and the mistakes in them."""
