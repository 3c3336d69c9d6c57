"""Functions with their backward passes, and the edits that make these wrong. Importing a module registers its own."""

from . import (
    accumulated,
    courses,
    exams,
    formulas,
    graphs,
    images,
    layers,
    losses,
    maps,
    mixed,
    models,
    networks,
    sequences,
    statistics,
    steps,
    unrolled,
)

__all__ = [
    "accumulated",
    "courses",
    "exams",
    "formulas",
    "graphs",
    "images",
    "layers",
    "losses",
    "maps",
    "mixed",
    "models",
    "networks",
    "sequences",
    "statistics",
    "steps",
    "unrolled",
]
