"""Backward passes step by step: `step`."""
