"""Check a forward pass that a learner wrote against a reference, and name the mistake in it.

The reference's graph is recorded; each classic mistake is made at each of its operations, the operations after it are
computed again, and the result is compared with the learner's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minigrad.output.words import class_name
from minigrad.primitives import elementwise as ew
from minigrad.primitives import reductions
from minigrad.teach.recording import record
from minigrad.teach.tape import Op, Tape

OTHERS: dict[str, tuple[Any, ...]] = {
    "tanh": (ew.sigmoid, ew.relu), "sigmoid": (ew.tanh, ew.relu), "relu": (ew.tanh, ew.sigmoid, ew.abs),
    "exp": (ew.exp2, ew.expm1), "log": (ew.log2, ew.log10, ew.log1p), "sqrt": (ew.square,), "abs": (ew.square,),
    "square": (ew.abs,), "sum": (reductions.mean, reductions.amax), "mean": (reductions.sum, reductions.amax),
    "amax": (reductions.mean, reductions.amin, reductions.sum), "amin": (reductions.amax,), "sin": (ew.cos,),
    "cos": (ew.sin,), "maximum": (ew.minimum,), "minimum": (ew.maximum,), "add": (ew.sub, ew.mul), "sub": (ew.add,),
    "mul": (ew.div, ew.add), "div": (ew.mul,),
}  # fmt: skip
SHAPES = ("reshape", "expand", "clone", "to")


class Edit(NamedTuple):
    """A mistake at an operation: its name, the sentence, how the result is computed, and how much it assumes."""

    name: str
    sentence: str
    result: Callable[..., Any]
    cost: float = 1.0


@dataclass
class ForwardReport:
    """What `check_forward` found: true as a bool if the forward pass is right; its text explains what is wrong.

    Attributes:
        ok: whether it is right.
        mistake: the machine-readable name of the mistake, None if it is right, "unknown" if none fits.
        hint, cause: where to look, and what is wrong.
        numbers: the element that differs most, yours and the reference's.
    """

    ok: bool
    mistake: str | None = None
    hint: str = ""
    cause: str = ""
    numbers: str = ""

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        if self.ok:
            return "the forward pass: right"
        text = ["the forward pass: WRONG"]
        text += [f"    Hint: {self.hint}."] if self.hint else []
        text += [f"    Cause: {self.cause}."]
        return "\n".join([*text, *([f"    [{self.numbers}]"] if self.numbers else [])])

    __repr__ = __str__

    def explain(self) -> str:
        """Return the text."""
        return str(self)


def check_forward(mine: Callable[..., Any], reference: Callable[..., Any], *inputs: Any) -> ForwardReport:
    """Check a forward pass written by hand against a reference, and name the mistake in it.

    Args:
        mine: the learner's function of the inputs.
        reference: the right function, in NumPy or on Tensors.
        inputs: arrays or numbers. The first of floats is the one whose operations are searched.

    Returns:
        A report, which is true as a bool if both give the same result, and whose text explains what is wrong.

    Raises:
        ValueError: if there is no input of floats.

    >>> x = np.array([[1.0, 2.0, 4.0], [3.0, 3.5, 0.0]])
    >>> report = check_forward(lambda x: x - x.mean(axis=0), lambda x: x - x.mean(axis=1, keepdims=True), x)
    >>> print(report)
    the forward pass: WRONG
        Hint: look at mean.
        Cause: mean goes over axis 0 instead of axis 1.
        [element [1, 1]: yours 0.75, the reference's 1.33333]
    """
    arrays = [np.array(getattr(x, "_array", x)) for x in inputs]
    floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    if not floats:
        raise ValueError("check_forward: none of the inputs is an array of floats; make one: np.array(x, dtype=float).")
    with np.errstate(all="ignore"):
        right = np.asarray(_plain(reference(*[a.copy() for a in arrays])), dtype=float)
        try:
            given = [a.copy() for a in arrays]
            result = np.asarray(_plain(mine(*given)))
            result = result.astype(float) if result.dtype.kind in "fiub" else result
        except Exception as error:
            return ForwardReport(False, "raises", cause=f"it raises {class_name(error)}: {error}")
        if result.dtype.kind != "f":
            return ForwardReport(False, "not-real", cause=f"it returns {result.dtype} instead of real numbers")
        if _equal(result, right):
            return _extremes(mine, reference, arrays, floats)
        found: list[tuple[Edit, Op]] = []
        for i in floats:
            found += _search(reference, arrays, i, result)
            if found:
                break
    return _told(result, right, sorted(found, key=lambda pair: pair[0].cost))


def _told(mine: np.ndarray, right: np.ndarray, found: list[tuple[Edit, Op]]) -> ForwardReport:
    report = ForwardReport(False, "unknown", cause="no mistake of the catalogue at any operation gives these numbers")
    if mine.shape != right.shape:
        report.cause = f"the result has shape {mine.shape}, the reference's {right.shape}"
        report.mistake = "shape"
        if mine.ndim and mine.size == right.size**2:
            report.cause += ": two arrays of shapes (N,) and (N, 1) are broadcast to (N, N)"
            report.mistake = "broadcast"
        elif mine.shape == right.shape[::-1]:
            report.cause += ": it is transposed"
            report.mistake = "transposed"
    else:
        error = np.nan_to_num(np.abs(mine - right), nan=np.inf)
        at = np.unravel_index(int(error.argmax()), error.shape) if error.ndim else ()
        where = f"element {[int(i) for i in at]}: " if at else ""
        report.numbers = f"{where}yours {mine[at]:.6g}, the reference's {right[at]:.6g}"
    if found:
        least = [pair for pair in found if pair[0].cost <= found[0][0].cost + 1e-9]
        sentences = list(dict.fromkeys(edit.sentence for edit, _ in least))[:3]
        report.mistake = found[0][0].name
        report.cause = sentences[0] if len(sentences) == 1 else "either " + ", or ".join(sentences)
        report.hint = f"look at {_called(found[0][1])}"
    elif mine.shape == right.shape and np.all(np.isfinite(mine) | ~np.isfinite(right)):
        ratio = mine / right
        if np.isfinite(ratio).all() and np.ptp(ratio) <= 1e-6 * abs(float(ratio.flat[0])):
            report.mistake, report.cause = "factor", f"the result has a constant factor of {float(ratio.flat[0]):.6g}"
        elif np.ptp(mine - right) <= 1e-6 * np.abs(mine - right).max():
            report.mistake = "offset"
            report.cause = f"a constant is added: {float((mine - right).flat[0]):.6g}"
    return report


def _extremes(mine: Any, reference: Any, arrays: list[np.ndarray], floats: list[int]) -> ForwardReport:
    """Compare on large inputs too, where the reference is finite."""
    for scale in (30.0, 1000.0):
        large = [a * scale if i in floats else a.copy() for i, a in enumerate(arrays)]
        try:
            right = np.asarray(_plain(reference(*[a.copy() for a in large])), dtype=float)
            result = np.asarray(_plain(mine(*large)), dtype=float)
        except Exception:
            continue
        if np.isfinite(right).all() and not np.isfinite(result).all():
            cause = (
                f"it is right for these inputs, but overflows for {scale:g} times as large ones, where the reference is "
                "finite: subtract the maximum before exp (a shift that cancels)"
            )
            return ForwardReport(False, "overflow", "look at what exp gets", cause)
    return ForwardReport(True)


def _search(
    reference: Callable[..., Any], arrays: list[np.ndarray], position: int, wanted: np.ndarray
) -> list[tuple[Edit, Op]]:
    """Return the mistakes at operations that give the wanted result."""
    others = [a.copy() for a in arrays]

    def function(x: Any) -> Any:
        return reference(*others[:position], x, *others[position + 1 :])

    try:
        recording = record(function, arrays[position])
        tape = Tape(recording, np.ones(recording.output.shape))
    except Exception:
        return []
    names = [op.name or "" for op in tape.ops]
    groups: dict[Any, list[int]] = {}
    for k, op in enumerate(tape.ops):
        if op.primitive is not None:
            groups.setdefault((k,), []).append(k)
            if op.place is not None:  # the passes of a loop
                groups.setdefault((op.kind, op.place.line, op.place.instruction), []).append(k)
    found = []
    for group in groups.values():
        operations = [tape.ops[k] for k in group]
        for edits in zip(*(_edits(op, names) for op in operations)):
            made = _result(tape, dict(zip(group, edits)))
            if made is not None and made.shape == wanted.shape and _equal(wanted, made):
                found.append((edits[0], operations[0]))
    return found


def _result(tape: Tape, edits: dict[int, Edit]) -> np.ndarray | None:
    """Return the tape's result with mistakes at some operations."""
    values = [op.value for op in tape.ops]
    changed: set[int] = set()
    try:
        for j, op in enumerate(tape.ops):
            if j in edits or changed.intersection(s for s in op.sources if s is not None):
                operands = [values[s] if s is not None else o for s, o in zip(op.sources, op.operands)]
                parameters = dict(op.parameters)
                if op.kind in ("reshape", "expand") and np.size(operands[0]) != np.size(op.operands[0]):
                    return None
                if j in edits:
                    values[j] = edits[j].result(operands)
                else:
                    values[j] = op.primitive.forward(*operands, **parameters)
                changed.add(j)
        return np.asarray(values[-1], dtype=float)
    except Exception:
        return None


def _called(op: Op) -> str:
    line = f" in line {op.place.line}" if op.place is not None and getattr(op.place, "line", None) else ""
    return (f"`{op.name}` ({op.kind})" if op.name else op.kind) + (line if op.name else "")


def _edits(op: Op, names: list[str]) -> Iterator[Edit]:
    """Yield the mistakes that can be made at an operation."""
    kind, parameters, forward = op.kind, op.parameters, op.primitive.forward
    name = _called(op)

    def again(**other: Any) -> Callable[..., Any]:
        return lambda operands: forward(*operands, **{**parameters, **other})

    if "axis" in parameters and np.ndim(op.operands[0]):
        axis = parameters["axis"]
        for other in (None, *range(np.ndim(op.operands[0]))):
            if other != axis:
                said = "all axes" if other is None else f"axis {other}"
                right = "all axes" if axis is None else f"axis {axis}"
                yield Edit("axis", f"{name} goes over {said} instead of {right}", again(axis=other))
        if parameters.get("keepdims"):
            yield Edit("keepdims", f"keepdims is missing in {name}: its result is broadcast along another dimension",
                       again(keepdims=False))  # fmt: skip
            for other in (None, *range(np.ndim(op.operands[0]))):
                yield Edit("axis", f"{name} goes over axis {other} instead of {axis}, without keepdims",
                           again(axis=other, keepdims=False), 1.1)  # fmt: skip
    for key in ("less", "correction", "ddof"):
        if key in parameters:
            other = 0 if parameters[key] else 1
            yield Edit(
                "ddof", f"{name} divides by N - {other} instead of N - {parameters[key]} (ddof)", again(**{key: other})
            )
    for primitive in OTHERS.get(kind, ()):
        said = {"log2": " (the base of the logarithm)", "log10": " (the base of the logarithm)"}.get(primitive.name, "")
        yield Edit("other-function", f"{primitive.name} is taken instead of {name}{said}",
                   lambda operands, p=primitive: p.forward(*operands, **parameters))  # fmt: skip
    for i, operand in enumerate(op.operands):
        shape = np.shape(operand)
        called = _operand(op, i, names)
        if shape == op.value.shape and kind not in SHAPES:
            rest = _operand(op, 1 - i, names) if len(op.operands) == 2 else ""
            said = f"{name} is missing: " + (f"{rest} is left out" if rest else f"{called} stays as it is")
            yield Edit("missing", said, lambda o, i=i: o[i], 1.05)
        if len(shape) >= 2 and shape[-1] == shape[-2] or kind == "matmul" and len(shape) >= 2:
            yield Edit("transposed", f"{called} of {name} is transposed",
                       lambda o, i=i: forward(*[np.swapaxes(a, -1, -2) if j == i else a for j, a in enumerate(o)],
                                              **parameters), 1.0)  # fmt: skip
        if kind in ("add", "sub", "mul", "div") and np.ndim(operand) and len(op.operands) == 2:
            for word, reduce in (("sum", np.sum), ("mean", np.mean), ("largest element", np.max)):
                yield Edit(
                    "reduced",
                    f"the {word} of {called} is taken in {name} instead of {called} itself",
                    lambda o, i=i, r=reduce: forward(*[r(a) if j == i else a for j, a in enumerate(o)], **parameters),
                    1.4,
                )
        if kind in ("matmul", "mul", "sum") and np.ndim(operand) > 1:
            yield Edit(
                "flipped",
                f"{called} of {name} is flipped (in reverse order) along its dimensions",
                lambda o, i=i: forward(*[a[::-1, ::-1] if j == i else a for j, a in enumerate(o)], **parameters),
                1.3,
            )
        if kind in ("add", "sub", "mul", "div") and shape and len(op.operands) == 2:
            if len(shape) == 1:
                yield Edit("broadcast", f"{called} of {name} is broadcast as (N, 1) instead of (N,)",
                           lambda o, i=i: forward(*[a[:, None] if j == i else a for j, a in enumerate(o)], **parameters))  # fmt: skip
            elif shape[-1] == 1 or shape[0] == 1:
                yield Edit("broadcast", f"{called} of {name} is broadcast as (N,) instead of {shape}",
                           lambda o, i=i: forward(*[a.ravel() if j == i else a for j, a in enumerate(o)], **parameters))  # fmt: skip
        if (
            not shape
            and operand is not None
            and op.sources[i] is None
            and isinstance(operand, int | float | np.number | np.ndarray)
        ):
            value = float(operand)
            if value:
                for factor, said in ((0.0, "missing"), (2.0, "twice as large"), (0.5, "half as large"), (-1.0, "negative"),
                                     (1 / value / value, "inverted"), (abs(value) ** 0.5 / value, "replaced by its root"),
                                     (value, "squared"), (10.0, "ten times as large"), (0.1, "a tenth as large")):  # fmt: skip
                    yield Edit("constant", f"the constant {value:g} in {name} is {said}",
                               lambda o, i=i, f=factor: forward(*[np.asarray(a) * f if j == i else a for j, a in enumerate(o)],
                                                                **parameters), 1.2)  # fmt: skip
    if kind in ("sub", "div", "matmul") and len(op.operands) == 2:
        yield Edit("swapped", f"the operands of {name} are swapped", lambda o: forward(*o[::-1], **parameters))
    yield Edit("sign", f"the sign of {name} is wrong", lambda o: -forward(*o, **parameters), 1.1)
    for text, factor in (
        ("2", 2.0),
        ("1/2", 0.5),
        ("N, the number of rows", float(max(1, np.shape(op.operands[0])[0] if np.ndim(op.operands[0]) else 1))),
    ):
        yield Edit(
            "factor", f"{name} has a factor of {text} too much", lambda o, f=factor: f * forward(*o, **parameters), 1.4
        )
    if op.value.ndim:
        for axis in range(op.value.ndim):
            for shift in (1, -1):
                yield Edit("off-by-one", f"{name} is shifted by one along axis {axis}",
                           lambda o, a=axis, s=shift: np.roll(forward(*o, **parameters), s, a), 1.4)  # fmt: skip
            yield Edit("reversed", f"{name} is in reverse order along axis {axis}",
                       lambda o, a=axis: np.flip(forward(*o, **parameters), a), 1.4)  # fmt: skip
    if op.value.ndim > 1:
        yield Edit("layout", f"the dimensions of {name} are in another order (reshape for transpose)",
                   lambda o: np.swapaxes(forward(*o, **parameters), -1, -2).reshape(op.value.shape), 1.2)  # fmt: skip


def _operand(op: Op, i: int, names: list[str]) -> str:
    """The name of an operand."""
    source = op.sources[i]
    found = op.names.get(i) or (names[source] if source is not None else "")
    return f"`{found}`" if found else ("the first operand", "the second operand")[i] if i < 2 else f"operand {i + 1}"


def _plain(x: Any) -> Any:
    return getattr(x, "_array", x)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape:
        return False
    scale = float(np.abs(b[np.isfinite(b)]).max(initial=0.0))
    return bool(np.all(np.isclose(a, b, rtol=1e-6, atol=1e-9 * scale, equal_nan=True)))
