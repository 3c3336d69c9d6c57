"""Causes of a sick training run, in the model, the batch and the loss: what a symptom in the numbers may come from.

A file has one subject, and is a table: each cause is a kind, when it is said, a sentence, and the function that looks
for it (`cause.py` says how). They are asked in the order of what they assume.
To add a cause, write such an entry in the file of its subject:

>>> from minigrad.teach.causes.cause import CERTAIN, certain
>>> @certain("batch of one", "each batch has one example", "each batch has one example: try 32")
... def batch_of_one(scene):
...     return scene.batch is not None and scene.batch.shape[:1] == (1,)
>>> CERTAIN.remove(batch_of_one)
>>> CAUSES.pop("batch of one")
'each batch has one example'
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from minigrad.output.words import class_name
from minigrad.teach.causes import (  # noqa: F401 (they register causes)
    activations,
    comparisons,
    functions,
    gradients,
    identities,
    inputs,
    layers,
    loss,
    parameters,
    policies,
    sequences,
    settings,
    targets,
    terms,
    validation,
)
from minigrad.teach.causes.cause import CAUSES, CERTAIN, EXPLANATIONS, Cause, Said
from minigrad.teach.causes.scene import Batch, Scene

__all__ = ["CAUSES", "Batch", "Scene", "certain", "explanations"]


def certain(scene: Scene) -> Iterator[Said]:
    """Yield the causes that need no symptom."""
    for cause in CERTAIN:
        if scene.shows_graph or not cause.graph:
            yield from _said(cause, scene)


def explanations(scene: Scene, symptom: str = "") -> Iterator[Said]:
    """Yield what may be behind a symptom of this kind, what assumes the least first."""
    for cause in EXPLANATIONS:
        if not cause.symptoms or symptom in cause.symptoms:
            yield from _said(cause, scene)


def _said(cause: Cause, scene: Scene) -> Iterator[Said]:
    """Yield what a cause says; a mistake in a cause must not end the run."""
    try:
        yield from cause(scene)
    except Exception as error:
        text = f"watch cannot look for {cause.kind!r}: {cause.look.__name__} raises {class_name(error)}: {error}"
        warnings.warn(text, RuntimeWarning, stacklevel=2)
