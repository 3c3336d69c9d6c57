"""Tensor and its vocabulary: recording, views, in-place writes, dtypes, creation."""
