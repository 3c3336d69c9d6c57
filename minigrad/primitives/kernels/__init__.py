"""Faster forms of some primitives, tested against the readable ones."""
