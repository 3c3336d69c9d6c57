"""Functions with their backward passes, and the edits that make these wrong. Importing a module registers its own."""

from . import formulas, graphs, images, layers, losses, models, networks, sequences

__all__ = ["formulas", "graphs", "images", "layers", "losses", "models", "networks", "sequences"]
