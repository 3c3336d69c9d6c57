"""Functions with their backward passes, and the edits that make these wrong. Importing a module registers its own."""

from . import (
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
