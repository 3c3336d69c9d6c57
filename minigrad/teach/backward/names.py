"""Which variable a gradient is of, by their names: dW1, grad_W1 and W1_grad are of W1.

Both may lie in dictionaries, lists and objects: grads["dW1"] is of parameters["W1"], affine.dW of affine.W, dhs[2] of
hs[2].
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from minigrad.program.variables import node_of
from minigrad.scalar import Value
from minigrad.tensors.tensor import Tensor

MARKS = tuple(map(re.compile, (r"d_?(.+)", r"[gG]rad(?:ient)?_?(?:of_|wrt_)?(.+)", r"(.+?)_?[gG]rad(?:ient)?")))
"""How the gradient of a variable is called: dx, d_x, grad_x, gradX, x_grad."""
LETTER = re.compile(r"g_?(.+)")
"""gx for the gradient of x: believed where at least two variables are called so, and none is called otherwise."""
CONTAINER = re.compile(r"(?:^|[._])d?_?(?:[gG]rads?|[gG]radients?)$|^d[_A-Z]?(?:params|parameters|weights)$|^g$")
"""Dictionaries and lists of gradients."""
HIDDEN = ("In", "Out")
"""What a notebook keeps."""
DEPTH, LEAVES = 3, 2000
"""How deep containers are searched, and for how many values."""


@dataclass
class Leaf:
    """A variable, or an element or attribute of one."""

    name: str  # as one writes it: layers[0].W
    container: str  # what it lies in: layers[0]; "" for a variable
    key: str | int  # its name, key or position there
    value: Any  # what it is
    shown: bool = True  # whether the name says something: cache[2] of a tuple does not
    length: int = 0  # the number of elements of the list that it lies in

    @property
    def is_variable(self) -> bool:
        """Whether it is a Tensor or a Value."""
        return isinstance(self.value, Tensor | Value)

    @property
    def short(self) -> str:
        """The name in a table: the key of a dictionary alone, an attribute with its object."""
        return str(self.key) if isinstance(self.key, str) and self.name.endswith("]") else self.name


@dataclass
class Gradient:
    """A gradient of the program: how it is called, of which variable it is, and both values; None if not known."""

    name: str
    of: str
    variable: Any
    value: Any


def leaves(names: Mapping[str, Any]) -> list[Leaf]:
    """Return the variables, and the elements of the dictionaries, lists and objects among them."""
    found: list[Leaf] = []
    seen = {id(names)}
    pending = [(Leaf(name, "", name, v), 0) for name, v in names.items() if name not in HIDDEN and name[:1] != "_"]
    pending.reverse()
    while pending and len(found) < LEAVES:
        leaf, depth = pending.pop()
        found.append(leaf)
        if depth < DEPTH and id(leaf.value) not in seen:
            seen.add(id(leaf.value))
            pending += reversed([(one, depth + 1) for one in _elements(leaf)])
    return found


def _elements(leaf: Leaf) -> Iterator[Leaf]:
    value, name = leaf.value, leaf.name
    if isinstance(value, Mapping):
        for key, one in value.items():
            if isinstance(key, str | int):
                yield Leaf(f"{name}[{key!r}]", name, key, one, leaf.shown)
    elif isinstance(value, list | tuple):
        if any(not isinstance(one, float | int | str) for one in value):
            shown = leaf.shown and isinstance(value, list)
            yield from (Leaf(f"{name}[{i}]", name, i, one, shown, len(value)) for i, one in enumerate(value))
    elif _is_own(value):
        for key, one in vars(value).items():
            if not key.startswith("_"):
                yield Leaf(f"{name}.{key}", name, key, one, leaf.shown)


def _is_own(value: Any) -> bool:
    """Return whether this is an object of a class of the learner's."""
    if isinstance(value, type | ModuleType | FunctionType | MethodType) or not hasattr(value, "__dict__"):
        return False
    return type(value).__module__.partition(".")[0] not in ("minigrad", "numpy", "builtins", "torch", "matplotlib")


def bare(name: str, letter: bool = False) -> list[str]:
    """Return the variables whose gradient may be called so.

    >>> bare("dW1"), bare("W1_grad"), bare("grad_W1"), bare("gradCenter"), bare("gW1", letter=True)
    (['W1'], ['W1'], ['W1'], ['Center', 'center'], ['W1'])
    """
    found = [match[1] for mark in (*MARKS, *([LETTER] if letter else [])) if (match := mark.fullmatch(name))]
    return [*found, *(one[0].lower() + one[1:] for one in found if re.match("grad[A-Z]", name))]


class Names:
    """The variables of a program, among which gradients find theirs.

    Args:
        program: the variables of the calling program, or those that were passed.
        scopes: those around them, the nearest first. Only nodes of the graph, and constants, are taken from these.
        inside: the nodes of the graph.
    """

    def __init__(
        self, program: Mapping[str, Any], scopes: Iterable[Mapping[str, Any]], inside: Collection[Any]
    ) -> None:
        self.program, self.inside = dict(program), inside
        for scope in scopes:
            for name, value in scope.items():
                node = node_of(value)
                if node in inside and _stands_for(value, self.program.get(name, value)):
                    self.program[name] = value
                elif node is None:
                    self.program.setdefault(name, value)
        self.variables = [leaf for leaf in leaves(self.program) if leaf.is_variable]

    def inner(self) -> dict[Any, str]:
        """Return the names of nodes that lie in dictionaries, lists and objects."""
        found: dict[Any, str] = {}
        count = Counter(leaf.short for leaf in self.variables)
        for leaf in self.variables:
            if leaf.container and leaf.shown:
                found.setdefault(node_of(leaf.value), leaf.short if count[leaf.short] == 1 else leaf.name)
        return found

    def variable(self, gradient: Leaf, plain: bool, letter: bool) -> Leaf | None:
        """Return the variable that a gradient is of, by its name; None if there is none.

        If `plain`, it may have the name of the variable itself, as in a dictionary of gradients; if `letter`, a g
        before the name counts as a mark.
        """
        plain = plain or bool(CONTAINER.search(gradient.container))
        keys: list[str | int] = [*bare(gradient.key, letter)] if isinstance(gradient.key, str) else []
        for key in keys:
            for v in self.variables:
                if v.container == gradient.container and v.key == key:
                    return v
        head, _, last = gradient.container.rpartition(".")
        beside = [f"{head}.{one}" if head else one for one in bare(last)]
        for v in self.variables:
            if v.container in beside and v.key == gradient.key:
                return v
        for key in [*keys, *([gradient.key] if plain and isinstance(gradient.key, str) else [])]:
            same = [v for v in self.variables if v.key == key and (node_of(v.value) in self.inside or not v.container)]
            outer = [v for v in same if not v.container]
            if outer or len({id(node_of(v.value)) for v in same}) == 1:
                return (outer or same)[0]
        return self._in_list(gradient) if plain and isinstance(gradient.key, int) else None

    def _in_list(self, gradient: Leaf) -> Leaf | None:
        """Return the variable at the same position of the only list of variables that is as long."""
        lists: dict[str, list[Leaf]] = {}
        for v in self.variables:
            if isinstance(v.key, int) and node_of(v.value) in self.inside:
                lists.setdefault(v.container, []).append(v)
        fitting = [one for one in lists.values() if len(one) == gradient.length]
        return next((v for v in fitting[0] if v.key == gradient.key), None) if len(fitting) == 1 else None

    def gradients(self, names: Mapping[str, Any], alone: bool) -> list[Gradient]:
        """Return the gradients among variables.

        If `alone`, these are nothing but gradients, by the names of the variables, with or without a mark as the d.
        """
        # a gradient may have a graph of its own, as it is computed from Tensors that require one
        candidates = [leaf for leaf in leaves(names) if alone or node_of(leaf.value) not in self.inside]
        found = self._found(candidates, alone, False)
        if not found and len(found := self._found(candidates, alone, True)) < 2:
            found = []
        final = {id(node_of(v.value)) for leaf, v in found if CONTAINER.search(leaf.container)}
        made = [
            Gradient(f"d{leaf.key}" if leaf.key == v.key == leaf.short else leaf.short, v.short, v.value, leaf.value)
            for leaf, v in found
            if CONTAINER.search(leaf.container) or id(node_of(v.value)) not in final
        ]
        known = {id(leaf) for leaf, _ in found}
        for leaf in candidates if alone else []:
            if not leaf.container and id(leaf) not in known and not isinstance(leaf.value, Mapping | list | tuple):
                key = str(leaf.key)
                of = next(iter(bare(key)), key)
                made.append(Gradient(f"d{of}" if of == key else key, of, self.program.get(of), leaf.value))
        return made

    def _found(self, candidates: list[Leaf], alone: bool, letter: bool) -> list[tuple[Leaf, Leaf]]:
        """Return the gradients whose variable is known, each with it."""
        found = []
        done = set()
        for leaf in candidates:
            v = self.variable(leaf, alone and not leaf.container, letter)
            if v is None or (id(v.value), id(leaf.value)) in done:
                continue
            if leaf.value is not None and leaf.container:  # a dictionary may be found by two ways
                done.add((id(v.value), id(leaf.value)))
            number = isinstance(leaf.value, float | int) and isinstance(v.value, Value)
            array = leaf.value is None or isinstance(leaf.value, np.ndarray | np.generic | Tensor)
            if alone or number or array or (not leaf.container and leaf.key == f"d{v.key}"):
                found.append((leaf, v))
        return found


def _stands_for(tensor: Any, inner: Any) -> bool:
    """Return whether a variable of an outer scope is that of the same name in an inner one, or its array."""
    if isinstance(inner, Tensor | Value):
        return inner is tensor
    array = getattr(tensor, "_array", None)
    return array is None or (isinstance(inner, np.ndarray) and np.array_equal(inner, array))
