"""Chains of elementwise lines on large arrays, run block by block, so that what lies between stays in the cache.

A block is a part of the flattened arrays. Elementwise functions compute the same bits on a part. The lines

    v2 = v0 * v1
    v3 = k0(v2)
    v4 = v3 + v0

of which later lines only use v4, become

    if contiguous((v0, v1)):
        fv0 = v0.reshape(-1)
        fv1 = v1.reshape(-1)
        v4 = empty((512, 1024), dtype_float32)
        fv4 = v4.reshape(-1)
        for s in blocks_524288:
            bv2 = fv0[s] * fv1[s]
            bv3 = k0(bv2)
            bv4 = bv3 + fv0[s]
            fv4[s] = bv4
    else:
        the same lines

since the layout of an upstream gradient, and of what follows from it, is known only when the program runs.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.primitives.kernels import elementwise as kernels
from minigrad.primitives.kernels.rows import slices
from minigrad.program.fast_lines import Layout, Line

SMALLEST = 1 << 17
"""How many elements arrays have for which blocks pay."""
LEAST = 3
"""How many operations a chain has, at least."""


def fused(lines: list[Line], layouts: Mapping[str, Layout], names: dict[str, Any], elementwise: set[Any]) -> list[Line]:
    """Return the lines of a program, with blocks for its chains.

    Args:
        lines: of the program.
        layouts: of the variables that are arrays.
        names: the constants of the program, by name; new ones are added.
        elementwise: functions of primitives that act on each element alone.
    """
    made: list[Line] = []
    chain: list[tuple[Line, int]] = []

    def finish(position: int) -> None:
        if sum(count for _, count in chain) >= LEAST:
            later = {name for line in lines[position:] for name in line.uses}
            made.append(_blocks([line for line, _ in chain], later, layouts, names))
        else:
            made.extend([line for line, _ in chain])
        chain.clear()

    for i, line in enumerate(lines):
        layout = layouts.get(line.target)
        count = 0
        if layout is not None and layout.is_contiguous and math.prod(layout.shape) >= SMALLEST:
            count = _operations(line, layout.shape, layouts, names, elementwise)
        if chain and (not count or layout is None or layouts[chain[0][0].target].shape != layout.shape):
            finish(i)
        chain.append((line, count)) if count else made.append(line)
    finish(len(lines))
    return made


def _operations(
    line: Line, shape: tuple[int, ...], layouts: Mapping[str, Layout], names: Mapping[str, Any], elementwise: set[Any]
) -> int:
    """Return how many elementwise operations on arrays of one shape a line is; 0 if it is something else."""
    if line.target == "g" or not line.text.startswith(f"{line.target} = "):
        return 0
    count = 0
    pending: list[Any] = [ast.parse(line.text.partition(" = ")[2], mode="eval").body]
    while pending:
        node = pending.pop()
        count += not isinstance(node, ast.Name | ast.Constant)
        if isinstance(node, ast.Name):
            if node.id in layouts:
                other, _, is_contiguous = layouts[node.id]
                fits = not other or other == shape and is_contiguous
            else:
                value = names.get(node.id)
                fits = isinstance(value, np.generic | int | float) or isinstance(value, np.ndarray) and not value.ndim
        elif isinstance(node, ast.BinOp):
            fits = not isinstance(node.op, ast.MatMult)
            pending += [node.left, node.right]
        elif isinstance(node, ast.Compare):
            fits = len(node.ops) == 1
            pending += [node.left, *node.comparators]
        elif isinstance(node, ast.UnaryOp):
            fits = isinstance(node.op, ast.USub | ast.Invert)
            pending.append(node.operand)
        elif isinstance(node, ast.Call):
            function = names.get(node.func.id) if isinstance(node.func, ast.Name) else None
            of_numpy = isinstance(function, np.ufunc) and function.nout == 1 and function.signature is None
            fits = not node.keywords and (of_numpy or function in (np.where, kernels.where) or function in elementwise)
            pending += node.args
        else:
            fits = isinstance(node, ast.Constant) and type(node.value) in (int, float)
        if not fits:
            return 0
    return count


def _blocks(lines: list[Line], later: set[str], layouts: Mapping[str, Layout], names: dict[str, Any]) -> Line:
    """Return a chain as one line, of several lines of text."""
    targets = [line.target for line in lines]
    outputs = [target for target in targets if target in later]
    between = [target for target in targets if target not in later]
    shape = layouts[targets[0]].shape
    operands = dict.fromkeys(name for line in lines for name in line.uses if name not in targets)
    arrays = [name for name in operands if name in layouts and layouts[name].shape == shape]
    size = math.prod(shape)
    blocks = f"blocks_{size}"
    names |= {"contiguous": _are_contiguous, "empty": np.empty}
    names[blocks] = slices(size)
    text = [f"if contiguous(({', '.join(arrays)},)):"]
    text += [f"    f{name} = {name}.reshape(-1)" for name in arrays]
    for name in outputs:
        names[f"dtype_{layouts[name].dtype}"] = layouts[name].dtype
        text += [f"    {name} = empty({shape}, dtype_{layouts[name].dtype})", f"    f{name} = {name}.reshape(-1)"]
    text.append(f"    for s in {blocks}:")
    for i, line in enumerate(lines):
        expression = line.text.partition(" = ")[2]
        for name in {*line.uses} & {*arrays, *targets}:
            expression = re.sub(rf"\b{name}\b", f"b{name}" if name in targets else f"f{name}[s]", expression)
        text.append(f"        b{line.target} = {expression}")
        if line.target in outputs:
            text.append(f"        f{line.target}[s] = b{line.target}")
        needed = {name for other in lines[i + 1 :] for name in other.uses}
        if done := [f"b{name}" for name in (*line.uses, line.target) if name in targets and name not in needed]:
            text.append(f"        del {', '.join(dict.fromkeys(done))}")
    text.append(f"    del {', '.join([f'f{name}' for name in (*arrays, *outputs)])}")
    text += ["else:", *[f"    {line.text}" for line in lines]]
    text += [f"    del {', '.join(between)}"] if between else []
    return Line("\n    ".join(text), "", (*operands,))


def _are_contiguous(arrays: tuple[Any, ...]) -> bool:
    return all([array.flags.c_contiguous for array in arrays])
