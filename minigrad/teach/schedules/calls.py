"""How a learner's schedule is called: as a function of t or of the rate, as a class with step(), or as its rates."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from minigrad.optim.optimizers import SGD
from minigrad.output.words import class_name, printable
from minigrad.scalar import Value
from minigrad.teach.rules.calls import CallError
from minigrad.teach.schedules.reference import OTHER_SETTINGS, Reference
from minigrad.teach.signatures import arguments_of
from minigrad.tensors.creation import tensor

TIMES = ("t", "epoch", "step", "iteration", "it", "i", "n", "iter", "global_step", "num_steps", "step_num", "ep")
RATES = ("lr", "rate", "learning_rate", "alpha", "current_lr", "old_lr", "prev_lr", "eta")
READ = ("get_lr", "get_last_lr", "current_lr", "lr", "learning_rate", "rate", "alpha", "eta")
"""Where an object shows its rate, as a method without arguments or as an attribute."""

MOST = 20_000
"""For how many t a schedule is asked one after another."""


def readings(mine: Any, reference: Reference, count: int, times: list[int]) -> Iterator[list[float] | dict[int, float]]:
    """Yield the learner's rates at t = 0, 1, …, in every way in which they may be meant, the likeliest first.

    Of a function of t alone, only the rates at `times` are asked for if they are many.
    """
    if count > MOST and not callable(mine):
        raise CallError(
            f"its rates are asked for one by one, up to t = {count - 1}: take shorter lengths, such as 1000", "raises"
        )
    if reference.name == "plateau":
        yield from _of_losses(mine, reference, count)
    elif isinstance(mine, type):
        if count > MOST:
            raise CallError(f"step() is called {count - 1} times: take shorter lengths, such as 1000", "raises")
        yield from _of_object(lambda: _built(mine, reference), reference, count)
    elif isinstance(mine, np.ndarray | list | tuple):
        yield _listed(mine, max(count, min(len(mine), MOST)))
    elif hasattr(mine, "step") and not inspect.isroutine(mine):
        if callable(mine):
            yield _of_function(mine, reference, count, times)
        else:
            yield from _of_object(lambda: mine, reference, count)
    else:
        yield from _of_any_function(mine, reference, count, times)


def _of_any_function(mine: Any, reference: Reference, count: int, times: list[int]) -> Iterator[Any]:
    needed = [p for p in arguments_of(mine) if p.default is p.empty]
    names = [p.name.lower() for p in needed]
    if not names and _takes_nothing(mine):
        made = mine()
        if isinstance(made, Iterable):
            yield _listed(made, count)
        elif callable(made):
            yield from _of_any_function(made, reference, count, times)
        else:  # a function that counts by itself
            yield [_number(made), *(_number(mine()) for _ in range(count - 1))]
        return
    rates = [n for n in names if n in RATES]
    if len(names) == 2 and rates and set(names) - set(rates) <= set(TIMES):
        yield from _recursions(lambda rate, t: mine(*(rate if n in RATES else t for n in names)), reference, count,
                               1 if names == ["epoch", "lr"] else 2)  # fmt: skip
        if names[0] in RATES:  # the rate may be meant as the first one; (epoch, rate) is Keras's form
            yield _of_function(mine, reference, count, times)
    elif len(names) == 1 and rates:
        start = _start(reference)
        found = itertools.accumulate(range(count - 1), lambda rate, _: _number(mine(rate)), initial=start)
        yield list(found)
    else:
        yield _of_function(mine, reference, count, times)


def _recursions(
    step: Callable[[float, int], Any], reference: Reference, count: int, either: int
) -> Iterator[list[float]]:
    """The rate of each epoch from the rate before: asked at t = 0 too, as in Keras, or, if either, from t = 1 on."""
    for first in (0, 1)[:either]:
        rate, found = _start(reference), []
        for t in range(count):
            rate = _number(step(rate, t)) if t >= first else rate
            found.append(rate)
        yield found


def _of_function(mine: Any, reference: Reference, count: int, times: list[int]) -> dict[int, float]:
    parameters = arguments_of(mine)
    needed = [p for p in parameters if p.default is p.empty] or parameters[:1]
    where = next((p.name for p in needed if p.name.lower() in TIMES), None)
    if where is None:
        where = next((p.name for p in needed if len(needed) == 1 or _setting(p.name, reference) is None), None)
    given = {p.name: _setting(p.name, reference) for p in needed if p.name != where}
    if unknown := [name for name, value in given.items() if value is None]:
        raise CallError(
            f"its argument {unknown[0]!r} is neither t nor a setting: write a function of t alone", "raises"
        )

    def rate(t: int) -> float:
        values = {p.name: t if p.name == where else given[p.name] for p in needed}
        named = {p.name: values.pop(p.name) for p in needed if p.kind is p.KEYWORD_ONLY}
        try:
            return _number(mine(*(values.values() if needed else [t]), **named), f"at t = {t} ")
        except ZeroDivisionError:
            return float(np.inf)

    return {t: rate(t) for t in (range(count) if count <= 1001 else times)}  # it may keep its rate between calls


def _of_object(make: Callable[[], Any], reference: Reference, count: int) -> Iterator[list[float]]:
    made = make()
    optimizer = getattr(made, "optimizer", None)
    if (method := _method(made)) is None:
        if callable(made):
            yield list(_of_function(made, reference, count, list(range(count))).values())
            return
        names = [n for n in ("get_lr", "rate", "lr", "get_rate") if callable(getattr(made, n, None))]
        if not names:
            raise CallError(f"{class_name(made)} has neither step() nor a method that takes t", "raises")
        yield list(_of_function(getattr(made, names[0]), reference, count, list(range(count))).values())
        return
    takes_t = [p for p in arguments_of(method) if p.default is p.empty]
    if takes_t and takes_t[0].name.lower() not in TIMES:
        raise CallError(
            f"{class_name(made)}.{method.__name__} needs {takes_t[0].name}, which this schedule has not", "raises"
        )

    def step(t: int) -> Any:
        return method(t) if takes_t else method()

    before, returned = [], []
    for t in range(count):
        before.append(_shown(made, optimizer))
        try:
            returned.append(step(t))
        except Exception:
            if t < count - 1 or before[-1] is None:
                raise
            returned.append(None)  # only the rate after the last one that is compared
    if all(rate is not None for rate in before):
        yield [_number(rate) for rate in before]
        if all(r is not None for r in returned):  # the first call may be meant for t = 0
            yield [_number(rate) for rate in returned]
        return
    if any(r is None for r in returned):
        raise CallError(f"{class_name(made)} shows no rate: return it from step(), or keep it as `lr`", "raises")
    yield [_number(rate) for rate in returned]
    yield [_start(reference), *(_number(rate) for rate in returned[:-1])]


def _of_losses(mine: Any, reference: Reference, count: int) -> Iterator[list[float]]:
    """A schedule that gets the loss of each epoch."""
    losses, start = reference.settings["losses"], reference.settings["alpha_0"]
    made = _built(mine, reference) if isinstance(mine, type) else mine
    method = _method(made) if not inspect.isroutine(made) else made
    if method is None:
        raise CallError(f"{class_name(made)} has no step(loss)", "raises")
    needed = [p.name.lower() for p in arguments_of(method) if p.default is p.empty]
    if not needed and inspect.isroutine(mine):
        method = mine()
        needed = ["loss"]
    if needed[:1] in (["losses"], ["history"]):
        yield [start, *(_number(method(losses[: t + 1])) for t in range(count - 1))]
        return
    rates = [start]
    for loss in losses[: count - 1]:
        given = {n: rates[-1] if n in RATES else loss for n in needed}
        returned = method(*given.values())
        shown = _shown(made, getattr(made, "optimizer", None)) if made is not method else None
        if shown is None and returned is None:
            raise CallError("it shows no rate: return it from step(loss), or keep it as `lr`", "raises")
        rates.append(_number(returned if shown is None else shown))
    yield rates


def _method(made: Any) -> Any:
    return next((m for n in ("step", "update", "next", "decay") if callable(m := getattr(made, n, None))), None)


def _shown(made: Any, optimizer: Any) -> Any:
    """The rate that an object shows, None if it shows none."""
    groups = getattr(optimizer, "param_groups", None)
    if groups:
        return groups[0]["lr"]
    for name in READ:
        value = getattr(made, name, None)
        if callable(value):
            if any(p.default is p.empty for p in arguments_of(value)):
                continue
            value = value()
        if value is not None:
            return value
    return None


def _built(made: Any, reference: Reference) -> Any:
    """Make an object with the settings that its arguments name; an optimizer if it asks for one."""
    keywords: dict[str, Any] = {}
    for p in arguments_of(made):
        value = _setting(p.name, reference)
        if p.name.lower() in ("optimizer", "optim", "opt"):
            value = SGD([tensor(0.0, requires_grad=True)], lr=_start(reference))
        if value is None and p.default is not p.empty:
            continue
        if value is None:
            raise CallError(f"{made.__name__}'s argument {p.name!r} is none of the settings", "raises")
        keywords[p.name] = value
    return made(**keywords)


def _start(reference: Reference) -> float:
    """The rate that a schedule starts from."""
    s = reference.settings
    return float(s["alpha_0"] if "alpha_0" in s else s["largest"] / s["div_factor"] if "largest" in s else 1.0)


def _setting(name: str, reference: Reference) -> Any:
    """The setting that an argument's name means, None if it means none."""
    known = {n: v for n, v in reference.settings.items() if n != "losses"}
    for ours in (name, *OTHER_SETTINGS.get(name.lower(), ()), *OTHER_SETTINGS.get(name, ())):
        if ours in known:
            return known[ours]
    return None


def _takes_nothing(function: Any) -> bool:
    """Whether a function takes no arguments at all, not even *args."""
    try:
        return not inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _listed(rates: Iterable[Any], count: int) -> list[float]:
    found = [_number(rate) for rate in itertools.islice(rates, count)]
    if 2 * len(found) < count:
        raise CallError(
            f"it has {len(found)} rate{'s' * (len(found) != 1)}; {count} are compared, from t = 0 to {count - 1}",
            "raises",
        )
    return found


def _number(rate: Any, where: str = "") -> float:
    """Return a rate as a number; get_last_lr() returns a list of one."""
    number = np.asarray(rate.data if isinstance(rate, Value) else getattr(rate, "_array", rate))
    if number.size != 1 or number.dtype.kind not in "fiub":
        said = f"{class_name(rate)} of shape {number.shape}" if number.ndim else printable(repr(rate))
        if inspect.isgenerator(rate) or inspect.iscoroutine(rate):
            said = f"a {class_name(rate)} (write return instead of yield, and no async)"
        raise CallError(f"{where}the schedule returns {said}, not a number", "no-number")
    return float(number.item())
