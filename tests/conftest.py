"""Being here, this file puts this folder on the path: `ops` is for all tests."""
