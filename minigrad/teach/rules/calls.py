"""How a learner's update rule is called: as a function in many forms, as an optimizer, or as a class."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad.optim.optimizer import Optimizer
from minigrad.output.words import class_name
from minigrad.teach.signatures import arguments_of
from minigrad.tensors.creation import tensor

RATES = ("learning_rate", "lr", "rate", "step_size", "eta", "alpha", "l_rate", "learningrate")
STATES = ("state", "config", "cache", "memory", "states", "st", "opt_state", "store", "buffers", "memo")
ALIASES: dict[str, tuple[str, ...]] = {
    "epsilon": ("eps",),
    "beta1": ("b1", "beta_1"),
    "beta2": ("b2", "beta_2"),
    "mu": ("momentum", "beta", "gamma", "rho"),
    "decay_rate": ("rho", "decay", "beta", "alpha", "gamma", "beta2"),
    "weight_decay": ("wd", "lambda_", "lam", "reg", "l2"),
}


class CallError(Exception):
    """The learner's function cannot be called or returns what is no step; the message says what and why."""

    def __init__(self, text: str, mistake: str) -> None:
        super().__init__(text)
        self.mistake = mistake


@dataclass
class Taken:
    """What the learner's rule did."""

    x: list[np.ndarray] = field(default_factory=list)  # for each step the new values of all parameters, as one array
    # for each step the state of the first parameter, None if it is not visible
    states: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # further remarks
    constant_rate: bool = False  # the rate could not be passed in
    dtypes: set[np.dtype[Any]] = field(default_factory=set)  # of the values that came back

    def is_single(self) -> bool:
        """Whether x or the state was in float32."""
        state = self.states[-1] if self.states else None
        kept = list(state.values()) if isinstance(state, dict) else [state]
        found = {*self.dtypes, *(v.dtype for v in kept if isinstance(v, np.ndarray | np.generic))}
        single = all(np.array_equal(x, x.astype(np.float32), equal_nan=True) for x in self.x)
        return single or np.dtype(np.float32) in found


@dataclass(frozen=True)
class Trial:
    """The inputs of a run: where the parameters start, a gradient of each at each step, and the rates."""

    start: list[Any]
    gradients: list[list[Any]]
    rates: list[float]


Caller = Callable[[int, Any, Any, float], tuple[Any, Any]]
"""(parameter, x, dx, rate) -> (x, state)."""


def _value(name: str, settings: dict[str, Any]) -> Any:
    """Return the setting that an argument's name means, or None."""
    if name in settings:
        return settings[name]
    if name == "betas" and "beta1" in settings:
        return settings["beta1"], settings["beta2"]
    for ours, theirs in ALIASES.items():
        if ours in settings and name.lower() in theirs:
            return settings[ours]
    return None


def _takes_any_name(function: Any) -> bool:
    """Whether a function of x and dx takes all else by name, as **options."""
    with contextlib.suppress(TypeError, ValueError):
        several = [*inspect.signature(function).parameters.values()]
        return (
            not isinstance(function, type) and len(several) == 3 and several[-1].kind is inspect.Parameter.VAR_KEYWORD
        )
    return False


def _is_rate(name: str, settings: dict[str, Any]) -> bool:
    lower = name.lower()
    return (lower in RATES or lower.endswith(("_lr", "learning_rate"))) and name not in settings


def has_state_argument(function: Any, settings: dict[str, Any]) -> bool:
    """Whether a function takes its state as an argument, so that two parameters can have two states."""
    return (
        _takes_any_name(function)
        or not isinstance(function, type)
        and any(
            name.lower() in STATES or role == "extra"
            for name, role in zip([p.name for p in arguments_of(function)], _roles(function, settings))
        )
    )


def _means_rate(name: str, parameters: list[inspect.Parameter], settings: dict[str, Any]) -> bool:
    """Whether an argument is the learning rate; beside one called lr, alpha may be a setting."""
    other = any(p.name.lower() in RATES[:4] and p.name != name for p in parameters)
    return _is_rate(name, settings) and not (other and _value(name, settings) is not None)


def _roles(function: Any, settings: dict[str, Any]) -> list[str]:
    """Return what each argument of a step is: x, dx, state, rate, setting, t, extra or none."""
    parameters, roles = arguments_of(function), []
    for i, p in enumerate(parameters):
        lower = p.name.lower()
        if i < 2:
            roles.append(("x", "dx")[i])
        elif lower in STATES:
            roles.append("state")
        elif _means_rate(p.name, parameters, settings):
            roles.append("rate")
        elif _value(p.name, settings) is not None:
            roles.append("setting")
        elif lower in ("t", "step", "iteration", "i", "k", "n"):
            roles.append("t")
        else:
            roles.append("none" if p.default is not p.empty else "extra")
    names = [p.name.lower() for p in parameters]
    if len(names) > 1 and names[0] in ("dx", "grad", "g", "gradient", "dw") and not names[1].startswith(("d", "g")):
        roles[:2] = ["dx", "x"]
    return roles


def function_caller(
    step: Callable[..., Any], settings: dict[str, Any], rate: float, plain_state: bool = False
) -> Caller:
    """Return a caller of a function in the lecture's form or with fewer arguments.

    With `plain_state` a single further argument is an array of the state, which is zero at first, and no dictionary.
    """
    parameters, roles = arguments_of(step), _roles(step, settings)
    extras = [p.name for p, role in zip(parameters, roles) if role == "extra"]
    if plain_state and "state" in roles:
        extras = [parameters[roles.index("state")].name]
        roles[roles.index("state")] = "extra"
    elif len(extras) == 1 and "state" not in roles and not plain_state:
        roles[roles.index("extra")], extras = "state", []
    config = any(p.name.lower() == "config" for p in parameters)
    named = _takes_any_name(step)
    names = {"learning_rate": rate, **settings}
    if "mu" in settings:
        names["momentum"] = settings["mu"]
    states: dict[int, Any] = {}
    counts: dict[int, int] = {}

    def call(number: int, x: Any, dx: Any, rate: float) -> tuple[Any, Any]:
        state = states.setdefault(number, dict(names) if config else {})
        counts[number] = counts.get(number, 0) + 1
        if config and isinstance(state, dict):
            state["learning_rate"] = rate
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        own = state.setdefault("extras", {}) if extras else {}
        for p, role in zip(parameters, roles):
            given: Any
            if role == "none":
                continue
            if role == "extra":
                given = own.get(p.name, np.zeros_like(x) if isinstance(x, np.ndarray) else 0.0)
            else:
                given = {"x": x, "dx": dx, "state": state, "rate": rate, "t": counts[number]}.get(role)
                given = _value(p.name, settings) if role == "setting" else given
            if p.kind is p.KEYWORD_ONLY:
                keywords[p.name] = given
            elif len(positional) == parameters.index(p):
                positional.append(given)
            else:
                keywords[p.name] = given
        if named:
            keywords = {"state": state, "learning_rate": rate, **settings}
        if not parameters:
            positional = [x, dx, state, rate]
        after = step(*positional, **keywords)
        if extras and isinstance(after, tuple) and len(after) == 1 + len(extras):
            own.update(zip(extras, after[1:]))
            return after[0], dict(own)
        if after is None:
            return x, state
        if isinstance(after, list) and len(after) == 2 and isinstance(after[1], dict):
            after = tuple(after)
        if isinstance(after, tuple):
            if len(after) == 2 and isinstance(after[0], dict) and not isinstance(after[1], dict):
                raise CallError("step returns (state, x); return the new x first: (x, state)", "return-order")
            if len(after) != 2:
                raise CallError(
                    f"step returns a tuple of {len(after)} values; return (x, state), or x alone", "return-order"
                )
            states[number] = {} if after[1] is None else after[1]
            return after[0], states[number]
        if isinstance(after, dict):
            raise CallError("step returns the state alone; return (x, state)", "return-order")
        return after, state

    return call


def _of_factory(step: Any, settings: dict[str, Any], rate: float) -> dict[str, Any] | None:
    """Return the arguments of a function that returns a step: of none, or of settings alone; None if it is no such."""
    if not inspect.isfunction(step) or step.__code__.co_flags & inspect.CO_VARARGS:
        return None
    given = {
        p.name: rate if _means_rate(p.name, arguments_of(step), settings) else _value(p.name, settings)
        for p in arguments_of(step)
        if _is_rate(p.name, settings) or _value(p.name, settings) is not None
    }
    if all(p.name in given or (given and p.default is not p.empty) for p in arguments_of(step)):
        return given
    return None


def take(step: Any, settings: dict[str, Any], trial: Trial, decays: bool = True) -> Taken:
    """Run a learner's rule and return where it went.

    Raises:
        CallError: if it cannot be called or what it returns is no step.
    """
    is_function = inspect.isroutine(step) or isinstance(step, functools.partial)
    if isinstance(step, type) or (not is_function and _method(step) is not None):
        return _take_object(step, settings, trial, decays)
    parameters = arguments_of(step)
    if parameters and parameters[0].name in ("params", "parameters") and len(parameters) < 3:
        return _take_object(step, settings, trial, decays)
    if (given := _of_factory(step, settings, trial.rates[0])) is not None:
        return take(step(**given), settings, trial, decays)
    if len(parameters) == 1 and inspect.isfunction(step) and not step.__code__.co_flags & inspect.CO_VARARGS:
        raise CallError(f"step takes {parameters[0].name} alone; it needs the gradient too: step(x, dx)", "raises")
    roles = _roles(step, settings)
    config = any(p.name.lower() == "config" for p in parameters)

    def run(plain_state: bool) -> Taken:
        has_rate = "rate" in roles or config or not parameters or _takes_any_name(step)
        taken = Taken(constant_rate=not has_rate)
        _run(function_caller(step, settings, trial.rates[0], plain_state), trial, taken)
        return taken

    try:
        return run(plain_state=False)
    except TypeError:
        if roles.count("extra") + roles.count("state") == 1:
            with contextlib.suppress(Exception):
                return run(plain_state=True)
        raise


def _run(caller: Caller, trial: Trial, taken: Taken) -> None:
    xs = [x.copy() if isinstance(x, np.ndarray) else x for x in trial.start]
    for k, gradients in enumerate(trial.gradients):
        rate = trial.rates[0] if taken.constant_rate else trial.rates[k]
        state: Any = None
        for i, dx in enumerate(gradients):
            given = dx.copy() if isinstance(dx, np.ndarray) else dx
            xs[i], after = caller(i, xs[i], given, rate)
            xs[i] = _checked(xs[i], trial.start[i], k, taken)
            if i == 0:
                state = _copied(after)
            if isinstance(given, np.ndarray) and not np.array_equal(given, dx, equal_nan=True):
                note = "step writes into dx: the caller's gradient is changed. Compute a new array instead"
                if note not in taken.notes:
                    taken.notes.append(note)
        taken.states.append(state)
        taken.x.append(np.array([np.array(x, dtype=float) for x in xs]))
    _check_growth(taken)


def _checked(x: Any, start: Any, k: int, taken: Taken) -> Any:
    """Return a new x, or raise if it is none."""
    array = getattr(x, "_array", x)
    try:
        array = np.asarray(array)
    except Exception as error:
        raise CallError(f"the new x is not an array: {class_name(x)}", "no-array") from error
    if inspect.isgenerator(x) or inspect.iscoroutine(x):
        raise CallError(f"step returns a {class_name(x)}: write return instead of yield, and no async", "not-real")
    if array.dtype == object or array.dtype.kind not in "fiub":
        what = "complex numbers" if array.dtype.kind == "c" else f"{class_name(x)} of dtype {array.dtype}"
        why = " (the root of a negative number, or a power with a negative base?)" if array.dtype.kind == "c" else ""
        raise CallError(f"the new x after step {k + 1} has {what}, not real numbers{why}", "not-real")
    if array.shape != np.shape(start):
        raise CallError(
            f"the new x after step {k + 1} has shape {array.shape}, x has shape {np.shape(start)}: was it broadcast or "
            "reduced?",
            "wrong-shape",
        )
    taken.dtypes.add(array.dtype)
    return array if isinstance(start, np.ndarray) else x


def _copied(state: Any, depth: int = 0) -> Any:
    """Return a copy of a state's numbers."""
    if isinstance(state, dict):
        return {k: _copied(v, depth + 1) for k, v in list(state.items())[:50]} if depth < 5 else None
    if isinstance(state, list):
        return list(state)
    state = getattr(state, "_array", state)
    return np.array(state) if isinstance(state, np.ndarray) and state.size < 1000 else state


def _check_growth(taken: Taken) -> None:
    """Note a state that grows with each step."""

    def size(state: Any) -> int:
        if isinstance(state, dict):
            return len(state) + sum(len(v) for v in state.values() if isinstance(v, list | dict))
        return len(state) if isinstance(state, list) else 0

    sizes = [size(state) for state in taken.states]
    if len(sizes) > 3 and all(b > a for a, b in zip(sizes[1:], sizes[2:])):
        taken.notes.append(
            f"the state grows at every step, from {sizes[0]} to {sizes[-1]} entries: keep sums, not all steps"
        )


# ---- objects ---------------------------------------------------------------------------------------------------


def _method(made: Any) -> Callable[..., Any] | None:
    for name in ("step", "update", "apply", "__call__"):
        method = getattr(made, name, None)
        if method is not None and (name != "__call__" or not inspect.isfunction(made)):
            return method
    return None


def _built(made: Any, settings: dict[str, Any], rate: float, params: list[Any]) -> Any:
    """Call a class with the settings that its arguments name."""
    if not isinstance(made, type) and not inspect.isfunction(made):
        return made
    arguments: dict[str, Any] = {}
    positional: list[Any] = []
    for p in arguments_of(made):
        if p.name in ("params", "parameters", "model_params", "ps") or (p.default is p.empty and not positional
                and not arguments and not _is_rate(p.name, settings) and _value(p.name, settings) is None):  # fmt: skip
            positional.append(params)
        elif _means_rate(p.name, arguments_of(made), settings):
            arguments[p.name] = rate
        elif (found := _value(p.name, settings)) is not None:
            arguments[p.name] = found
    if isinstance(made, type) and issubclass(made, Optimizer) and not positional:
        positional.append(params)
    return made(*positional, **arguments)


def _decay_rate(made: Any, trial: Trial, k: int) -> bool:
    """Let the rate of an object decay before step k, where it shows one; what it made of its rate itself remains."""
    factor = trial.rates[k] / trial.rates[max(k - 1, 0)]
    groups = getattr(made, "param_groups", None)
    if isinstance(groups, list) and groups and "lr" in groups[0]:
        for group in groups:
            group["lr"] *= factor
        return True
    for name in ("lr", "learning_rate", "rate", "eta", "alpha", "step_size"):
        if isinstance(value := getattr(made, name, None), float):
            setattr(made, name, value * factor)
            return True
    return False


def _take_object(step: Any, settings: dict[str, Any], trial: Trial, decays: bool) -> Taken:
    first = trial.rates[0]
    errors: list[Exception] = []
    for wrap in (_tensor, _namespace):
        params = [wrap(x) for x in trial.start]
        try:
            made = _built(step, settings, first, params)
        except Exception as error:
            raise CallError(
                f"{getattr(step, '__name__', 'the optimizer')}(...) raises {class_name(error)}: {error}", "raises"
            ) from error
        method = _method(made)
        if method is None:
            raise CallError(f"{class_name(made)} has no step() or update(x, dx)", "no-step")
        taken = Taken()
        roles = arguments_of(method)
        if roles and not (len(roles) == 1 and roles[0].default is not roles[0].empty):
            return _take_method(made, method, settings, trial, decays)
        if made is step:
            said = "is an object with parameters of its own: pass the class, which is then made with those of the check"
            raise CallError(f"{class_name(made)} {said}", "no-step")
        try:
            for k, gradients in enumerate(trial.gradients):
                taken.constant_rate = not (decays and _decay_rate(made, trial, k))
                for p, dx in zip(params, gradients):
                    p.grad = wrap(dx) if wrap is _tensor else np.array(dx)
                method()
                for p, x in zip(params, trial.start):
                    _checked(p.data, x, k, taken)
                taken.x.append(np.array([np.array(getattr(p.data, "_array", p.data), dtype=float) for p in params]))
                state = getattr(made, "state", None)
                taken.states.append(_copied(state.get(params[0])) if isinstance(made, Optimizer) and state else None)
            return taken
        except CallError:
            raise
        except Exception as error:
            errors.append(error)
        if not isinstance(step, type):
            break
    raise CallError(f"step() raises {class_name(errors[0])}: {errors[0]}", "raises") from errors[0]


def _take_method(made: Any, method: Callable[..., Any], settings: dict[str, Any], trial: Trial, decays: bool) -> Taken:
    """Run an object whose method takes x and dx, or dictionaries or lists of them."""
    arguments = arguments_of(method)
    names = [p.name for p in arguments]
    takes_rate = any(_is_rate(name, settings) for name in names)
    one = Trial(trial.start[:1], [g[:1] for g in trial.gradients], trial.rates)

    def run(made: Any, several: type | None) -> Taken:
        """Step with x itself, or with all parameters at once, in a dictionary or a list."""
        method, taken, calls = _method(made), Taken(), 0
        keys = [f"x{i}" for i in range(len(trial.start))] if several is dict else [*range(len(trial.start))]
        given = _gathered(several, keys, trial.start)
        assert method is not None
        taken.constant_rate = not takes_rate and not (decays and _decay_rate(made, trial, 0))
        inner = function_caller(method, settings, trial.rates[0])

        def caller(number: int, x: Any, dx: Any, rate: float) -> tuple[Any, Any]:
            nonlocal calls
            if number == 0:
                if not takes_rate and not taken.constant_rate:
                    _decay_rate(made, trial, calls)
                calls += 1
                if several is not None:
                    method(given, _gathered(several, keys, [dx, *trial.gradients[calls - 1][1:]]))
            return (given[keys[number]], None) if several else inner(number, x, dx, rate)

        _run(caller, one if several is None else trial, taken)
        return taken

    ways: list[type | None] = [None]
    if len(names) > 1 and names[0].startswith("param") and names[1].startswith("grad"):
        ways = [None, dict, list] if names[0] in ("param", "parameter") else [dict, list, None]
    errors: list[Exception] = []
    for several in ways:
        try:
            # a failed attempt must not leave a trace in the object
            return run(copy.deepcopy(made) if len(ways) > 1 else made, several)
        except (TypeError, AttributeError, KeyError, ValueError, IndexError) as error:
            errors.append(error)
    raise errors[0]


def _gathered(several: type | None, keys: list[Any], values: list[Any]) -> Any:
    """Return copies of the values in a dictionary or a list."""
    copies = [copy.copy(value) for value in values]
    return dict(zip(keys, copies)) if several is dict else copies


def _tensor(x: Any) -> Any:
    return tensor(np.array(x, dtype=float), requires_grad=True)


def _namespace(x: Any) -> Any:
    return SimpleNamespace(data=np.array(x, dtype=float), grad=None, shape=np.shape(x))
