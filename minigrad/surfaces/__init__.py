"""Loss surfaces of two variables, and races of update rules down them, with pictures and animations.

>>> from minigrad import surfaces
>>> print(surfaces.race("beale", ["sgd", "momentum"], steps=100))
beale: ...
"""

from minigrad.surfaces.arrows import arrows, steps_from
from minigrad.surfaces.digits import digits_plane
from minigrad.surfaces.known import SURFACES, surface
from minigrad.surfaces.racing import ENDINGS, Race, race
from minigrad.surfaces.runs import RULES, Run, default_rate
from minigrad.surfaces.surface import Surface

__all__ = [
    "ENDINGS",
    "RULES",
    "SURFACES",
    "Race",
    "Run",
    "Surface",
    "arrows",
    "default_rate",
    "digits_plane",
    "race",
    "steps_from",
    "surface",
]
