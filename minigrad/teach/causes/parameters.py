"""Causes in the parameters: those that no optimizer has, and those that a loop does not change."""

from __future__ import annotations

from collections.abc import Iterator

from minigrad.nn.module import Parameter
from minigrad.output.words import class_name
from minigrad.teach.causes.cause import Said, certain
from minigrad.teach.causes.scene import Scene
from minigrad.teach.samples import listed
from minigrad.tensors.tensor import Tensor


@certain({"not registered": "parameters lie in a plain list, tuple or dictionary of a module"}, assumes=0.5)
def unregistered(scene: Scene) -> Iterator[Said]:
    """Parameters in a plain list, and tensors for parameters, which no optimizer sees."""
    for module in scene.model.modules():
        for name, value in vars(module).items():
            if isinstance(value, Tensor) and not isinstance(value, Parameter) and value.requires_grad and value.is_leaf:
                yield (
                    "not registered",
                    f"{class_name(module)}.{name} is a tensor that requires a gradient, but no parameter, so "
                    f"model.parameters() does not have it: self.{name} = nn.Parameter(...)",
                )
    for attribute, what in scene.model.unregistered():
        yield (
            "not registered",
            f"{class_name(scene.model)}.{attribute} is {what}; model.parameters() does not look into it, so the "
            "optimizer does not train it",
        )


@certain({"not updated": "the optimizer has no parameter of the model"}, assumes=0.5)
def optimizer_of_another_model(scene: Scene) -> Iterator[Said]:
    """An optimizer that has no parameter of the model."""
    if scene.optimizer is None:
        return
    given = {id(p) for group in scene.optimizer.param_groups for p in group["params"]}
    own = [p for p in scene.model.parameters() if p.requires_grad]
    if own and not any(id(p) in given for p in own):
        yield (
            "not updated",
            "the optimizer has none of the model's parameters: was it created for another model, or before the layers "
            "were replaced? Create it again, optim.SGD(model.parameters(), …)",
        )


@certain(
    {"not in the optimizer": "some parameters of a layer have a gradient, and the optimizer does not have them"},
    assumes=0.5,
)
def not_in_the_optimizer(scene: Scene) -> Iterator[Said]:
    """Parameters of a layer that the optimizer lacks, while it has others of the same layer."""
    lacking = [name for name in scene.still if name not in scene.moved]
    if len(scene.samples) >= 5 and lacking:
        yield (
            "not in the optimizer",
            f"{listed(lacking)} {'has' if len(lacking) == 1 else 'have'} a gradient, but the optimizer was not given "
            f"{'it' if len(lacking) == 1 else 'them'}: optim.SGD(model.parameters(), …)",
        )


@certain({"not updated": "a layer has a gradient, and stays as it is"}, assumes=0.5)
def constant_parameters(scene: Scene) -> Iterator[Said]:
    """The lecture's loop without an update of the network's x."""
    recent = scene.samples[-5:]
    if scene.optimizer is None and len(recent) == 5 and all(s.gradient and not any(s.updates.values()) for s in recent):
        yield (
            "not updated",
            "x does not change from step to step: x = x - learning_rate * dx makes a new array, which the network does "
            "not have; x += -learning_rate * dx changes the network's own. (Or the rate is so small that the step is "
            "rounded away)",
        )


@certain({"made anew": "a layer has new parameters in each of five samples in a row"}, assumes=0.4)
def made_anew(scene: Scene) -> Iterator[Said]:
    """Layers that are created in forward or in the loop, so that what they learn is lost."""
    new = [layer for layer, times in scene.anew.items() if times >= 4]
    if new:
        yield (
            "made anew",
            f"{listed(new)} {'is' if len(new) == 1 else 'are'} created again in each step, with new random parameters, "
            "so what the layer has learned is lost, and the optimizer has the old ones. Create it once, in __init__()",
        )


@certain({"made anew": "the forward pass creates a weight in each of five samples in a row"}, assumes=0.4)
def made_in_forward(scene: Scene) -> Iterator[Said]:
    """A layer that forward() creates and uses, and no module keeps."""
    recent = scene.created[-5:]
    if len(recent) == 5 and all(recent):
        yield (
            "made anew",
            f"forward() makes a new layer in each call, with a random weight of shape {recent[-1]}: it is never "
            "trained, since the optimizer does not have it, and differs in each step. Create it once, in __init__()",
        )


@certain({"made anew": "the weights have nothing in common with what the step before left, five times"}, assumes=0.4)
def redrawn(scene: Scene) -> Iterator[Said]:
    """Weights that are drawn at random again after each step."""
    if scene.redrawn >= 4:
        yield (
            "made anew",
            "the weights are drawn anew before each step, so what it learns is lost: initialize them once, before the "
            "loop",
        )


@certain({"step undone": "the parameters are what they were before the step, five times in a row"}, assumes=0.4)
def undone(scene: Scene) -> Iterator[Said]:
    """Parameters that are set back after each step."""
    if scene.undone >= 4:
        yield (
            "step undone",
            "each step is undone before the next one: the parameters are again what they were before it. Look for "
            "load_state_dict(), a copy of the weights or a seed and a new initialization inside the loop: once, before "
            "the loop, is enough",
        )
