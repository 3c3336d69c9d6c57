"""Being here, this file puts this folder on the path: `ops` is for all tests."""

collect_ignore = ["benchmarks"]  # they are run by hand, and need PyTorch and micrograd
