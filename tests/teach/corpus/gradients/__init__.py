"""Functions with their backward passes, and the edits that make these wrong. Importing a module registers its own."""

from . import courses, formulas, graphs, images, layers, losses, models, networks, sequences, unrolled

__all__ = ["courses", "formulas", "graphs", "images", "layers", "losses", "models", "networks", "sequences", "unrolled"]
