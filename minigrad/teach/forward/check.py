"""Check a forward pass that a learner wrote against a reference, and name the mistake in it.

The reference's graph is recorded, with all its arguments; each mistake of `forward.mistakes` is made at each of its
operations, what follows is computed again, and the result is compared with the learner's: one mistake, then one of a
kind at several places, then two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.nn.arguments import check_callable
from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.program.recorded_arrays import Array
from minigrad.teach.forward.forms import expanded
from minigrad.teach.forward.search import EXACT, HALF, LIKELY, LIMIT, SINGLE, Search, equal
from minigrad.teach.mistakes.factors import factor_words
from minigrad.teach.recording import record
from minigrad.teach.report import Report, either
from minigrad.teach.restoring import same_generators
from minigrad.teach.signatures import arguments_of
from minigrad.teach.tape import Tape
from minigrad.tensors.tensor import Tensor

MANY = 250
"""The number of operations above which smaller inputs are tried."""


@dataclass(repr=False)
class ForwardReport(Report):
    """What `check_forward` found: true as a bool if the forward pass is right; its text explains what is wrong.

    Attributes:
        table: the element that differs most, yours and the reference's.
        mistakes: the names of all mistakes that give the same numbers.
        acts: the value of the operation in question, the reference's and as yours acts.
    """

    subject: str = "the forward pass"
    mistakes: list[str] = field(default_factory=list)
    acts: list[tuple[str, np.ndarray, np.ndarray]] = field(default_factory=list)
    of_right = "the reference's"

    def explain(self) -> str:
        """Return the text, and the value of the operation in question: the reference's, and as yours acts."""
        text = [str(self)]
        for what, right, wrong in self.acts:
            text += ["", f"{what}, in the reference:", _shown(right), "as yours acts:", _shown(wrong)]
        return "\n".join(text)


def check_forward(mine: Callable[..., Any], reference: Callable[..., Any], *inputs: Any) -> ForwardReport:
    """Check a forward pass written by hand against a reference, and name the mistake in it.

    Args:
        mine: the learner's function of the inputs. It returns an array, a number, or several in a tuple; of
            (out, cache) the first is compared.
        reference: the right function, in NumPy, or on Tensors if it cannot take arrays or an input is a Tensor.
        inputs: arrays, numbers or Tensors.

    Returns:
        A report, which is true as a bool if both give the same result, and whose text explains what is wrong.

    Raises:
        TypeError: if `mine` or `reference` is not a function, or `reference` returns no real numbers.
        ValueError: if there is no input of floats, or the reference returns nothing but nan and inf.

    Both functions draw the same numbers from `np.random`. Results in float32 or float16 are compared with the tolerance
    of their type.

    >>> x = np.array([[1.0, 2.0, 4.0], [3.0, 3.5, 0.0]])
    >>> report = check_forward(lambda x: x - x.mean(axis=0), lambda x: x - x.mean(axis=1, keepdims=True), x)
    >>> print(report)
    the forward pass: WRONG
        Hint: look at the mean `x.mean(axis=1, keepdims=True)` (line 1).
        Cause: the mean `x.mean(axis=1, keepdims=True)` (line 1) goes over axis 0 instead of axis 1.
        [                yours  the reference's]
        [element [1, 1]   0.75          1.33333]
    """
    case = _Case(mine, reference, inputs)
    with np.errstate(all="ignore"), same_generators():
        return case.report()


EXTREMES: dict[str, Callable[[Any], Any]] = {
    "30 times as large": lambda a: 30 * a, "1000 times as large": lambda a: 1000 * a,
    "that are 1000 more": lambda a: a + 1000,
}  # fmt: skip
SHIFTED = {"amax", "softmax", "log_softmax", "logsumexp", "cross_entropy"}
"""Operations of a reference that subtracts the maximum before exp."""


class _Case:
    """One forward pass, its reference and the inputs."""

    def __init__(self, mine: Callable[..., Any], reference: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
        check_callable("check_forward", mine=mine, reference=reference)
        self.mine, self.reference, self.inputs = mine, reference, inputs
        self.arrays = [np.array(getattr(x, "_array", x)) for x in inputs]
        self.floats = [i for i, a in enumerate(self.arrays) if a.dtype.kind == "f"]
        if not self.floats:
            raise ValueError(
                "check_forward: none of the inputs is an array of floats; make one: np.array(x, dtype=float)."
            )
        self.on_tensors = any(isinstance(x, Tensor) for x in inputs)

    def report(self) -> ForwardReport:
        right = self._right(self.arrays)
        for b in right:
            if b.dtype.kind not in "fiub":
                raise TypeError(f"check_forward: reference must return real numbers, got {_kind(b)}.")
        if any(b.size and not np.isfinite(b).any() for b in right):
            raise ValueError(
                "check_forward: reference returns nothing but nan and inf here, which shows nothing: pass other inputs."
            )
        notes: list[str] = []
        try:
            made = _results(self._call(self.mine, self.arrays), len(right), notes)
            again = _results(self._call(self.mine, self.arrays), len(right), [])
        except Exception as error:
            return ForwardReport(False, mistake="raises", cause=f"it raises {class_name(error)}: {error}", notes=notes)
        if len(made) != len(right):
            cause = f"it returns {_count(made)}, the reference {_count(right)}"
            return ForwardReport(False, mistake="results", cause=cause, notes=notes)
        for a, b in zip(made, right):
            if a.dtype.kind not in "fiub":
                return ForwardReport(False, mistake="not-real", cause=f"it returns {_kind(a)} instead of real numbers")
            if a.dtype.kind in "iub" and b.dtype.kind == "f" and a.shape == b.shape and not equal(a, b, EXACT):
                cause = f"it returns numbers of the type {a.dtype}, which have no fraction: was an array of integers "
                cause += "made, or written to?"
                return ForwardReport(False, mistake="integers", cause=cause, notes=notes)
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(made, again)):
            cause = "it returns different numbers at each call: it draws random numbers, or keeps a state"
            hint = "pass the mask or the seed as an argument"
            return ForwardReport(False, mistake="not-repeatable", hint=hint, cause=cause)
        tolerance = max(_tolerance(a) for a in made) if not any(_is_single(b) for b in right) else EXACT
        if all(equal(a, b, tolerance) for a, b in zip(made, right)):
            report = self._extremes(len(right))
            report.notes += notes + [f"the result is in {made[0].dtype}: its tolerance applies"] * (
                tolerance is not EXACT
            )
            return report
        report = self._named(made, right, self._search(made, right, tolerance))
        report.notes += notes
        return report

    def _shrunk(self, ops: int) -> _Case:
        """Return the case with smaller inputs, where the graph is too large to be computed again and again.

        All dimensions of one size become 4, 3 or 2, if both functions accept that and still differ.
        """
        case = self
        sizes = {n for i in self.floats for n in self.arrays[i].shape if n > 3}
        for n in sorted(sizes, reverse=True) if ops > MANY else ():
            for few in [few for few in (4, 3, 2) if few < n]:
                cut = [
                    a[tuple(slice(few) if d == n else slice(None) for d in whole.shape)] if a.ndim else a
                    for a, whole in zip(case.arrays, self.arrays)
                ]
                other = _Case(self.mine, self.reference, tuple(cut))
                other.on_tensors, other.reference_on_tensors = self.on_tensors, self.reference_on_tensors
                try:
                    right = other._right(other.arrays)
                    made = _results(self._call(self.mine, other.arrays), len(right), [])
                except Exception:
                    continue
                if len(made) == len(right) and not all(equal(a, b, SINGLE) for a, b in zip(made, right)):
                    case = other
                    break
        return case

    def _call(self, f: Callable[..., Any], arrays: list[np.ndarray]) -> Any:
        """Call a function with copies of the inputs, as arrays or Tensors, and NumPy's generator in the same state."""
        given = [Tensor(a.copy()) if self.on_tensors and a.dtype.kind == "f" else a.copy() for a in arrays]
        np.random.seed(0)
        return f(*given)

    def _right(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Return what the reference returns; a function that refuses arrays gets Tensors."""
        try:
            return _results(self._call(self.reference, arrays))
        except Exception:
            if self.on_tensors:
                raise
            given = [Tensor(a.copy()) if a.dtype.kind == "f" else a.copy() for a in arrays]
            np.random.seed(0)
            try:
                right = _results(self.reference(*given))
            except Exception:
                return _results(self._call(self.reference, arrays))  # raises what it raises for arrays
            self.reference_on_tensors = True
            return right

    reference_on_tensors = False

    def _extremes(self, count: int) -> ForwardReport:
        """Compare on large inputs too, where the reference is finite.

        An unshifted softmax is a mistake; what else overflows is right, with a note.
        """
        for changed, change in EXTREMES.items():
            large = [change(a) if i in self.floats else a for i, a in enumerate(self.arrays)]
            flags: list[str] = []
            try:
                right = self._right(large)
                with np.errstate(over="call", divide="call", call=lambda kind, flag, flags=flags: flags.append(kind)):
                    made = _results(self._call(self.mine, large), count, [])
            except Exception:
                continue
            lost = any(np.isfinite(b).all() and not np.isfinite(a).all() for a, b in zip(made, right))
            if not lost:
                continue
            if "overflow" in flags and self._subtracts_maximum():
                cause = (
                    f"it is right for these inputs, but overflows for inputs {changed}, where the reference is finite: "
                    "subtract the maximum before exp (a shift that cancels)"
                )
                return ForwardReport(False, mistake="overflow", hint="look at what exp gets", cause=cause)
            what, fix = "has nan", "exp underflows to 0. Subtract the maximum of each row, not one for all rows"
            if "overflow" in flags:
                what, fix = "overflows", "write it so that exp gets no large positive numbers, as in 1 / (1 + exp(-x))"
            elif any("divide" in kind for kind in flags):
                what = "divides by 0 or takes the logarithm of 0"
                fix = "the logarithm of a softmax as x - log(sum(exp(x))) does not underflow"
            note = f"for inputs {changed} the result {what}, where the reference is finite: {fix}"
            return ForwardReport(True, notes=[note])
        return ForwardReport(True)

    def _subtracts_maximum(self) -> bool:
        """Whether the reference takes a maximum, itself or in a softmax."""
        with suppress(Exception):
            return bool({op.kind for op in self._tape().ops} & SHIFTED)
        return False

    # ---- the search ------------------------------------------------------------------------------------------------

    def _tape(self) -> Tape:
        """Record the reference as a function of all inputs of floats together, on arrays or otherwise on Tensors."""
        if not self.on_tensors and not self.reference_on_tensors:
            with suppress(Exception):
                return self._recorded(on_tensors=False)
        return self._recorded(on_tensors=True)

    def _recorded(self, on_tensors: bool, created: bool = False) -> Tape:
        flat = np.concatenate([self.arrays[i].ravel() for i in self.floats]).astype(float)
        nodes: list[Any] = []

        def arguments(whole: Any) -> list[Any]:
            given: list[Any] = [a.copy() for a in self.arrays]
            start = 0
            for i in self.floats:
                part: Any = np.reshape(whole[start : start + self.arrays[i].size], self.arrays[i].shape)
                nodes.append(part.tensor.node)
                given[i] = part.tensor if on_tensors else part
                start += self.arrays[i].size
            return given

        def result(out: Any) -> Any:
            several = [Array(a) if isinstance(a, Tensor) else a for a in _several(out)]
            return several[0] if len(several) == 1 else np.concatenate([np.ravel(a) for a in several])

        np.random.seed(0)
        with _frozen(self.reference):
            recording = record(self.reference, flat, arguments=arguments, result=result, created=created)
        tape = Tape(recording, np.ones(recording.output.shape), written_out=False)
        names = [p.name for p in arguments_of(self.reference)]
        where = {op.node: k for k, op in enumerate(tape.ops)}
        for i, node in zip(self.floats, nodes[-len(self.floats) :]):
            if node in where:
                op = tape.ops[where[node]]
                op.primitive, op.sources, op.operands, op.place = None, (), [], None
                op.name = names[i] if i < len(names) else op.name
        return tape

    def _search(self, made: list[np.ndarray], right: list[np.ndarray], tolerance: tuple[float, float]) -> Search | None:
        """Return the search, which has found what it can; None if the reference cannot be recorded."""
        wanted = made[0].astype(float)
        if len(made) > 1:
            if any(a.shape != b.shape for a, b in zip(made, right)):
                return None
            wanted = np.concatenate([a.astype(float).ravel() for a in made])
        try:
            tape = self._tape()
            if (case := self._shrunk(len(tape.ops))) is not self:
                right = case._right(case.arrays)
                smaller = _results(case._call(case.mine, case.arrays), len(right), [])
                return case._search(smaller, right, tolerance)
            search = Search(tape, wanted, tolerance)
        except Exception:
            return None
        search.run()
        for other in (expanded, self._with_created):  # composite primitives written out; created arrays recorded too
            unlikely = not search.found or search.best()[0].assumes > LIKELY
            if unlikely and not search.gave_up and (tape_of := other(tape)) is not None:
                second = Search(tape_of, wanted, tolerance)
                second.run()
                if second.found and (not search.found or second.best()[0].assumes < search.best()[0].assumes):
                    search = second
        return search

    def _with_created(self, tape: Tape) -> Tape | None:
        """Return the tape with what `np.arange` and `np.random` create; None if there is nothing of the kind."""
        if not self.on_tensors and not self.reference_on_tensors:
            with suppress(Exception):
                longer = self._recorded(on_tensors=False, created=True)
                return longer if len(longer.ops) > len(tape.ops) else None
        return None

    def _sizes(self) -> dict[float, str]:
        """The sizes of the inputs, with their meaning."""
        names = [p.name for p in arguments_of(self.reference)]
        found: dict[float, str] = {}
        for i, a in enumerate(self.arrays):
            for d, n in enumerate(a.shape):
                found.setdefault(n, f"the size of dimension {d} of `{names[i] if i < len(names) else 'x'}`")
        return found

    # ---- words -----------------------------------------------------------------------------------------------------

    def _named(self, made: list[np.ndarray], right: list[np.ndarray], search: Search | None) -> ForwardReport:
        report = ForwardReport(False, mistake="unknown")
        which = next(i for i, (a, b) in enumerate(zip(made, right)) if not equal(a, b, EXACT))
        mine, of_reference = made[which], right[which]
        if mine.shape == of_reference.shape:
            error = np.nan_to_num(np.abs(mine.astype(float) - of_reference.astype(float)), nan=np.inf)
            at = np.unravel_index(int(error.argmax()), error.shape) if error.ndim else ()
            where = f"result {which}, " * (len(made) > 1) + (f"element {[int(i) for i in at]}" if at else "")
            report.table = [(where.removesuffix(", "), f"{mine[at]:.6g}", f"{of_reference[at]:.6g}")]
        if search is not None and search.found:
            found = search.best()
            sentences = list(dict.fromkeys(e.sentence for e in found))[:3]
            report.mistakes = list(dict.fromkeys(e.name for e in found))
            report.mistake = report.mistakes[0]
            report.cause = either(sentences)
            report.hint = f"look at {found[0].site.what}"
            report.acts = [(s.what, s.op.value, search.value_at(found[0], s.k)) for s in found[0].sites[:2]]
        elif mine.shape != of_reference.shape:
            report.cause = f"the result has shape {mine.shape}, the reference's {of_reference.shape}"
            report.mistake = "shape"
            if mine.ndim and mine.size == of_reference.size**2:
                report.cause += ": two arrays of shapes (N,) and (N, 1) are broadcast to (N, N)"
                report.mistake = "broadcast"
            elif mine.shape == of_reference.shape[::-1]:
                report.cause += ": it is transposed"
                report.mistake = "transposed"
            elif mine.ndim == of_reference.ndim and all(
                a == b or min(a, b) > 1 for a, b in zip(mine.shape, of_reference.shape)
            ):
                report.cause += ": the padding, the stride, the size of a window or the range of a loop differs"
            elif mine.ndim < of_reference.ndim and mine.size < of_reference.size:
                report.cause += ": a sum or mean too many, or over too many axes"
            elif mine.size > of_reference.size:
                report.cause += ": a sum or mean is missing, or goes over too few axes"
        else:
            counted = None if search is not None else self._without_graph()
            report.mistake, report.cause = counted or _pattern(mine, of_reference, search, self._sizes())
            if search is None and report.mistake == "unknown":
                report.cause = "the lines of the reference cannot be followed, as where it only counts and compares; "
                report.cause += "print the values of both, line by line"
        if search is not None and search.gave_up and not search.found:
            report.notes.append(f"the search was given up after {LIMIT:g} seconds")
        return report

    def _without_graph(self) -> tuple[str, str] | None:
        """Find what gives the learner's result for several inputs, where the reference only counts and compares."""
        names, rng = [p.name for p in arguments_of(self.reference)], np.random.default_rng(0)
        shuffled = [[rng.permuted(a) if i in self.floats else a for i, a in enumerate(self.arrays)] for _ in range(8)]
        ways: list[tuple[str, str, Callable[[list[Any]], Any]]] = [
            ("complement", "it is 1 minus the reference's: what should not count is counted (!= for ==, < for >)",
             lambda a: [1 - r for r in self._right(a)]),
            *[("sign", f"`{name}` acts with the opposite sign (argmin for argmax, < for >)",
               lambda a, i=i: self._right([-x if j == i else x for j, x in enumerate(a)]))
              for i, name in enumerate(names[: len(self.arrays)]) if i in self.floats],
            *[("exchanged", f"`{names[i]}` and `{names[j]}` are exchanged: each is used where the other belongs",
               lambda a, i=i, j=j: self._right([a[{i: j, j: i}.get(k, k)] for k in range(len(a))]))
              for i in range(len(names)) for j in range(i) if self.arrays[i].shape == self.arrays[j].shape],
        ]  # fmt: skip
        found = []
        for mistake, said, way in ways:
            with suppress(Exception):
                pairs = [(_results(self._call(self.mine, a)), way(a)) for a in (self.arrays, *shuffled)]
                if all(equal(m, np.asarray(w), EXACT) for mine, want in pairs for m, w in zip(mine, want)):
                    found.append((mistake, said))
        return (found[0][0], either([said for _, said in found])) if found else None


def _masked(mine: np.ndarray, right: np.ndarray) -> str:
    """Describe a result that is 0 at more or fewer elements, and the same or scaled at the others."""
    off, of_right = mine == 0, right == 0
    both = ~off & ~of_right
    nested = not (off & ~of_right).any() or not (of_right & ~off).any()
    ratio = mine[both] / right[both]
    if not of_right.any() or not nested or both.sum() < 2 or np.ptp(ratio) > 1e-6 * abs(float(ratio[0])):
        return ""
    said = f"it is 0 at {off.sum()} of {mine.size} elements, the reference's at {of_right.sum()}"
    said += "" if np.isclose(ratio[0], 1) else f" and {ratio[0]:.6g} times as large at the others"
    return f"{said}: the threshold of the mask differs (in dropout, the probability to keep an element)"


def _reordered(mine: np.ndarray, right: np.ndarray) -> str:
    """Describe a result whose elements along an axis are the reference's in another order."""
    for axis in range(mine.ndim):
        a, b = (np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1) for x in (mine, right))
        same = np.isclose(a[:, None], b[None], rtol=1e-6, atol=1e-12).all(axis=2) if len(a) <= 512 else np.eye(1)
        if len(a) > 2 and np.all(same.sum(axis=0) == 1) and np.all(same.sum(axis=1) == 1):
            order, halves = same.argmax(axis=1).tolist(), [*range(0, len(a), 2), *range(1, len(a), 2)]
            said = "the halves stand side by side instead of interleaved (0::2 and 1::2): " * (order == halves)
            return f"{said}along axis {axis} it has the reference's elements in the order {order[:16]}"
    return ""


def _pattern(mine: np.ndarray, right: np.ndarray, search: Search | None, sizes: dict[float, str]) -> tuple[str, str]:
    """Describe what the error looks like, where no mistake of the catalogue fits."""
    if not np.isfinite(mine).all() and np.isfinite(right).all():
        return "not-finite", "the result has nan or inf: a division by zero, a logarithm of 0, or an overflow of exp"
    unset = ~np.isclose(mine, right, rtol=1e-6, atol=0)
    if mine.ndim and not unset.all() and not mine[unset].any():
        for which, at in (("last", -1), ("first", 0)):
            border = np.zeros(mine.shape, bool)
            axes = [a for a in range(mine.ndim) if mine.shape[a] > 1 and unset[(slice(None),) * a + (at,)].all()]
            for a in axes:
                border[(slice(None),) * a + (at,)] = True
            if axes and not (unset & ~border).any():
                said = " and ".join(map(str, axes))
                return "border", f"the {which} element along axis {said} stays 0: a range is off by one"
    with np.errstate(all="ignore"):
        ratio = (mine / right)[right != 0]
    if ratio.size > 1 and np.isfinite(ratio).all() and np.ptp(ratio) <= 1e-6 * abs(float(ratio.flat[0])):
        c = float(ratio.flat[0])
        said = f" ({factor_words(c, search.tape)[0]})" if search is not None and c else ""
        return "factor", f"the result has a constant factor of {c:.6g}{said}"
    for n, meaning in sizes.items():
        if mine.size == ratio.size == 1 and n > 2 and np.isclose(ratio, [n, 1 / n]).any():
            if np.isclose(ratio, n).any():
                return "factor", f"the result is {n:g} times the reference's, and {n:g} is {meaning}: a sum for a mean"
            return "factor", f"the reference's is {n:g} times the result, and {n:g} is {meaning}: a mean for a sum"
    if said := _masked(mine, right):
        return "mask", said
    if said := _reordered(mine, right):
        return "order", said
    if mine.size > 1 and np.ptp(mine - right) <= 1e-6 * np.abs(mine - right).max():
        return "offset", f"a constant is added: {float((mine - right).flat[0]):.6g}"
    wrong = ~np.isclose(mine, right, rtol=1e-6, atol=0)
    for axis in range(mine.ndim):
        others = tuple(a for a in range(mine.ndim) if a != axis)
        lines = np.flatnonzero(wrong.any(axis=others))
        if 0 < len(lines) <= mine.shape[axis] // 2:
            return "part", f"it is wrong only at index {', '.join(map(str, lines.tolist()))} of axis {axis}"
    return "unknown", "no mistake of the catalogue, and no pair of those that were tried, gives these numbers"


# ---- results -------------------------------------------------------------------------------------------------------


def _several(out: Any) -> list[Any]:
    """Return the arrays that a function returned: one, all of a tuple, or the first of (out, cache)."""
    if isinstance(out, tuple) and out:
        numbers = (np.ndarray, np.generic, Tensor, Array, int, float)
        return list(out) if all(isinstance(a, numbers) for a in out) else [out[0]]
    return [out]


def _results(out: Any, count: int | None = None, notes: list[str] | None = None) -> list[np.ndarray]:
    """The same as NumPy arrays; of a tuple where one result is wanted, the first."""
    several = _several(out)
    if count is not None and notes is not None and len(several) > count:
        notes.append(f"it returns {len(several)} arrays; the first {'is' if count == 1 else f'{count} are'} compared")
        several = several[:count]
    return [np.asarray(getattr(a, "_array", a)) for a in several]


def _count(several: list[np.ndarray]) -> str:
    return "one array" if len(several) == 1 else f"a tuple of {len(several)} arrays"


def _kind(a: np.ndarray) -> str:
    """Return what an array is that holds no real numbers: None has the likeliest cause."""
    if a.dtype == object and a.ndim == 0:
        return "nothing (is the line with return missing?)" if a.item() is None else class_name(a.item())
    return str(a.dtype)


def _tolerance(a: np.ndarray) -> tuple[float, float]:
    return HALF if a.dtype == np.float16 else SINGLE if a.dtype == np.float32 else EXACT


def _is_single(a: np.ndarray) -> bool:
    return a.dtype in (np.dtype(np.float32), np.dtype(np.float16))


@contextmanager
def _frozen(f: Any) -> Iterator[None]:
    """Run with the parameters of a module as constants."""
    trained = [p for p in f.parameters() if p.requires_grad] if isinstance(f, Module) else []
    for p in trained:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in trained:
            p.requires_grad_(True)


def _shown(a: np.ndarray) -> str:
    return "\n".join(f"    {line}" for line in np.array2string(np.asarray(a), precision=4, threshold=60).splitlines())
