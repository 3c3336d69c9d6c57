"""Causes in the parameters: those that no optimizer has, and those that a loop does not change."""

from __future__ import annotations

from collections.abc import Iterator

from minigrad.nn.module import Module, Parameter
from minigrad.output.words import class_name
from minigrad.teach.causes.cause import Seen, certain
from minigrad.teach.causes.scene import Scene
from minigrad.teach.samples import listed
from minigrad.tensors.tensor import Tensor


@certain("not registered", "parameters lie in a plain list, tuple or dictionary of a module", assumes=0.5)
def not_registered(scene: Scene) -> Seen:
    return next(unregistered(scene.model), None)


def unregistered(model: Module) -> Iterator[str]:
    """Iterate over the sentences on parameters in a plain list, and tensors for parameters: no optimizer sees them."""
    for module in model.modules():
        for name, value in vars(module).items():
            if isinstance(value, Tensor) and not isinstance(value, Parameter) and value.requires_grad and value.is_leaf:
                yield (
                    f"{class_name(module)}.{name} is a tensor that requires a gradient, but no parameter, so "
                    f"model.parameters() does not have it: self.{name} = nn.Parameter(...)"
                )
    for attribute, what in model.unregistered():
        yield (
            f"{class_name(model)}.{attribute} is {what}; model.parameters() does not look into it, so the optimizer "
            "does not train it"
        )


@certain("not updated", "the optimizer has no parameter of the model",
         "the optimizer has none of the model's parameters: was it created for another model, or before the layers "
         "were replaced? Create it again, optim.SGD(model.parameters(), ...)", assumes=0.5)  # fmt: skip
def optimizer_of_another_model(scene: Scene) -> Seen:
    groups = scene.optimizer.param_groups if scene.optimizer is not None else ()
    given = {id(p) for group in groups for p in group["params"]}
    own = {id(p) for p in scene.model.parameters() if p.requires_grad}
    return scene.optimizer is not None and bool(own) and own.isdisjoint(given)


@certain("not in the optimizer", "some parameters of a layer have a gradient, and the optimizer does not have them",
         "{names} {have} a gradient, but the optimizer was not given {them}: optim.SGD(model.parameters(), ...)",
         assumes=0.5)  # fmt: skip
def not_in_the_optimizer(scene: Scene) -> Seen:
    by_hand = scene.optimizer is None
    lacking = [name for name, times in scene.still.items() if name not in scene.moved and (times >= 5 or not by_hand)]
    have, them = ("has", "it") if len(lacking) == 1 else ("have", "them")
    if len(scene.samples) < 5 or not lacking:
        return None
    if by_hand:
        said = f"{listed(lacking)} {have} a gradient, but no step changes {them}: look at the update"
        return "not updated", f"{said}; if that is meant, watch the others alone"
    return {"names": listed(lacking), "have": have, "them": them}


@certain("not updated", "a layer has a gradient, and stays as it is",
         "x does not change from step to step: x = x - learning_rate * dx makes a new array, which the network does "
         "not have; x += -learning_rate * dx changes the network's own. (Or the rate is so small that the step is "
         "rounded away)", assumes=0.5)  # fmt: skip
def constant_parameters(scene: Scene) -> Seen:
    constant = all(s.gradient for s in scene.samples[-5:]) and not any(any(s.updates.values()) for s in scene.samples)
    return scene.optimizer is None and len(scene.samples) >= 5 and constant


@certain("made anew", "a layer has new parameters in each of five samples in a row",
         "{layers} {are} created again in each step, with new random parameters, so what the layer has learned is "
         "lost, and the optimizer has the old ones. Create it once, in __init__()", assumes=0.4)  # fmt: skip
def made_anew(scene: Scene) -> Seen:
    new = [layer for layer, times in scene.anew.items() if times >= 4]
    return {"layers": listed(new), "are": "is" if len(new) == 1 else "are"} if new else None


@certain("made anew", "the forward pass creates a weight in each of five samples in a row",
         "forward() makes a new layer in each call, with a random weight of shape {shape}: it is never trained, since "
         "the optimizer does not have it, and differs in each step. Create it once, in __init__()",
         assumes=0.4)  # fmt: skip
def made_in_forward(scene: Scene) -> Seen:
    recent = scene.created[-5:]
    return len(recent) == 5 and all(recent) and {"shape": recent[-1]}


@certain("made anew", "the weights have nothing in common with what the step before left, five times",
         "the weights are drawn anew before each step, so what it learns is lost: initialize them once, before the "
         "loop", assumes=0.4)  # fmt: skip
def redrawn(scene: Scene) -> Seen:
    return scene.redrawn >= 4


@certain("step undone", "the parameters are what they were before the step, five times in a row",
         "each step is undone before the next one: the parameters are again what they were before it. Look for "
         "load_state_dict(), a copy of the weights or a seed and a new initialization inside the loop: once, before "
         "the loop, is enough", assumes=0.4)  # fmt: skip
def undone(scene: Scene) -> Seen:
    return scene.undone >= 4
