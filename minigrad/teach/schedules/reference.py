"""The schedule that a learner's is compared with: its formula, its settings, and when it is compared."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.nn.arguments import check_number, check_positive
from minigrad.optim import lr_scheduler, schedule
from minigrad.output.words import class_name
from minigrad.teach.edits import Formula, expression, filled, rewrite

SCHEDULES: dict[str, str] = {
    "step": "def step(t, alpha_0, every, factor=0.5): return alpha_0 * factor ** (t // every)",
    "multistep": """def multistep(t, alpha_0, milestones, factor=0.1):
    return alpha_0 * factor ** sum(t >= milestone for milestone in milestones)""",
    "exponential": "def exponential(t, alpha_0, k): return alpha_0 * np.exp(-k * t)",
    "inverse": "def inverse(t, alpha_0, k): return alpha_0 / (1 + k * t)",
    "cosine": """def cosine(t, alpha_0, T, smallest=0.0):
    return smallest + (alpha_0 - smallest) * (1 + np.cos(np.pi * t / T)) / 2""",
    "linear": "def linear(t, alpha_0, T, last=0.0): return alpha_0 + (last - alpha_0) * t / T",
    "polynomial": "def polynomial(t, alpha_0, T, power=1.0): return alpha_0 * (1 - t / T) ** power",
    "restarts": """def restarts(t, alpha_0, T, smallest=0.0):
    return smallest + (alpha_0 - smallest) * (1 + np.cos(np.pi * (t % T) / T)) / 2""",
    "warmup": "def warmup(t, alpha_0, T): return alpha_0 * min(1, (t + 1) / T)",
    "warmup_cosine": """def warmup_cosine(t, alpha_0, T, warmup, smallest=0.0):
    rise = alpha_0 * ((t + 1) / warmup)
    fall = smallest + (alpha_0 - smallest) * (1 + np.cos(np.pi * ((t - warmup) / (T - warmup)))) / 2
    return rise if t < warmup else fall""",
    "inverse_sqrt": """def inverse_sqrt(t, alpha_0, warmup):
    return alpha_0 * min((t + 1) / warmup, np.sqrt(warmup / (t + 1)))""",
    "constant": "def constant(t, alpha_0, T, factor=1 / 3): return alpha_0 * (factor if t < T else 1)",
    "cyclic": """def cyclic(t, alpha_0, largest, up):
    return alpha_0 + (largest - alpha_0) * (1 - abs(t / up - 2 * (t // (2 * up)) - 1))""",
    "onecycle": """def onecycle(t, largest, T, start=0.3, div_factor=25.0, final_div_factor=1e4):
    first = largest / div_factor
    last = first / final_div_factor
    top = start * T - 1
    rise = first + (largest - first) * (1 - np.cos(np.pi * t / top)) / 2
    fall = last + (largest - last) * (1 + np.cos(np.pi * ((t - top) / (T - 1 - top)))) / 2
    return rise if t <= top else fall""",
    "plateau": """def plateau(t, losses, alpha_0, factor=0.1, patience=10, smallest=0.0, threshold=0.0):
    rate, best, bad = alpha_0, np.inf, 0
    for loss in losses[:t]:
        better = loss < best * (1 - threshold)
        best = loss if better else best
        bad = 0 if better else bad + 1
        late = bad > patience
        rate = max(rate * factor, smallest) if late else rate
        bad = 0 if late else bad
    return rate""",
}
"""The schedules as formulas. The lecture's are step, exponential and inverse."""
OTHERS = {
    ("exponential", "factor"): "def exponential(t, alpha_0, factor): return alpha_0 * factor ** t",
    ("linear", "start_factor"): """def linear(t, alpha_0, T, start_factor=1 / 3, end_factor=1.0):
    return alpha_0 * (start_factor + (end_factor - start_factor) * min(t, T) / T)""",
    ("restarts", "T_mult"): """def restarts(t, alpha_0, T, T_mult=1, smallest=0.0):
    start, length = 0, T
    for _ in range(20): start, length = (start + length, length * T_mult) if t >= start + length else (start, length)
    return smallest + (alpha_0 - smallest) * (1 + np.cos(np.pi * (t - start) / length)) / 2""",
    ("inverse_sqrt", "d_model"): """def inverse_sqrt(t, d_model, warmup):
    return d_model ** -0.5 * min((t + 1) ** -0.5, (t + 1) * warmup ** -1.5)""",
    ("cyclic", "decay"): """def cyclic(t, alpha_0, largest, up, decay):
    height = (1 - abs(t / up - 2 * (t // (2 * up)) - 1)) * decay ** (t // (2 * up))
    return alpha_0 + (largest - alpha_0) * height""",
}  # fmt: skip
"""Other formulas of a schedule, for the setting that asks for them."""
BRANCHES = {
    "warmup": ("min(1, (t + 1) / T)", "((t + 1) / T if t < T else 1)"),
    "inverse_sqrt": ("min(A, B)", "(A if t + 1 < warmup else B)"),
}
"""The same with a condition, where a mistake may be made on one side alone."""
ENDING = ("cosine", "linear", "polynomial", "warmup_cosine", "onecycle")
"""Those that end at T; what comes afterwards is not compared."""
TOP_NOTE = "the largest rate comes at start * T: here at start * T - 1, as in PyTorch"
TOPS = (
    ("start * T", "(T - top)", f"{TOP_NOTE}, and the last one at T - 1 instead of at T"),
    ("start * T", "(T - 1 - top)", TOP_NOTE),
    ("int(start * T)", "(T - int(start * T))", TOP_NOTE),
)
"""Where one cycle has its top and its end: all are usual."""
FROM_ZERO = (
    "the warm-up is t / {0}, so that the first rate is 0 and the first step does nothing; here it is (t + 1) / {0}"
)
WARMUPS = {
    "warmup": (("(t + 1) / T", "t / T", FROM_ZERO.format("T")),),
    "warmup_cosine": (
        ("(t + 1) / warmup", "t / warmup", FROM_ZERO.format("warmup")),
        ("(t + 1) / warmup", "(t + 1) / (warmup + 1)",
         "the rate at the first step is alpha_0 / (warmup + 1): here it is alpha_0 / warmup"),
    ),
    "inverse_sqrt": (
        ("min((t + 1) / warmup, np.sqrt(warmup / (t + 1)))", "min(t / warmup, np.sqrt(warmup / max(t, 1)))",
         FROM_ZERO.format("warmup")),
        ("min((t + 1) ** -0.5, (t + 1) * warmup ** -1.5)", "min(max(t, 1) ** -0.5, t * warmup ** -1.5)",
         FROM_ZERO.format("warmup")),
        ("(t + 1)", "max(t, 1)", "t counts from 0, and 0 is taken as 1; here the warm-up is (t + 1) / warmup"),
    ),
}  # fmt: skip
"""How a warm-up may count t: each is a usual convention."""
OTHER_NAMES = {
    "1/t": "inverse", "exp": "exponential", "step_decay": "step", "cosine_annealing": "cosine", "steplr": "step",
    "multisteplr": "multistep", "exponentiallr": "exponential", "cosineannealinglr": "cosine", "linearlr": "linear",
    "polynomiallr": "polynomial", "poly": "polynomial", "cosineannealingwarmrestarts": "restarts", "sgdr": "restarts",
    "constantlr": "constant", "cycliclr": "cyclic", "triangular": "cyclic", "onecyclelr": "onecycle",
    "one_cycle": "onecycle", "one-cycle": "onecycle", "1cycle": "onecycle", "reducelronplateau": "plateau",
    "noam": "inverse_sqrt", "transformer": "inverse_sqrt",
    "warm-up": "warmup", "warm_up": "warmup", "warm_restarts": "restarts", "warmup-cosine": "warmup_cosine",
    "stepdecay": "step", "exponentialdecay": "exponential", "inversedecay": "inverse", "inverse_time": "inverse",
}  # fmt: skip
OTHER_SETTINGS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("learning_rate", "lr", "initial_lr", "lr0", "rate", "alpha0", "base_lr", "alpha"), ("alpha_0",)),
    **dict.fromkeys(("gamma", "drop", "mult"), ("factor",)),
    **dict.fromkeys(("steps", "T_max", "total", "total_steps", "total_iters", "T_0", "n"), ("T",)),
    **dict.fromkeys(("eta_min", "min_lr", "lr_min", "minimum"), ("smallest", "last")),
    **dict.fromkeys(("max_lr", "eta_max", "lr_max", "peak"), ("largest", "alpha_0")),
    **dict.fromkeys(("warmup_steps", "warmup_iters", "warmup_epochs"), ("warmup", "T")),
    **dict.fromkeys(("end", "end_lr", "final_lr", "lr_end"), ("last", "smallest")),
    "step_size": ("every", "up"), "epochs": ("every", "T"), "step_size_up": ("up",), "pct_start": ("start",),
    "decay": ("k", "decay"), "decay_rate": ("k", "factor"), "milestone": ("milestones",),
}  # fmt: skip
"""Other names of the settings."""


@dataclass
class Reference:
    """The schedule to compare with."""

    name: str  # its name
    formula: Formula  # its lines
    settings: dict[str, Any]  # the values of all its settings
    # formulas that are right too, each with a note
    alternatives: list[tuple[str, Formula]] = field(default_factory=list)
    # the formula with a condition, which has the same rates
    branches: list[Formula] = field(default_factory=list)

    @staticmethod
    def of(asked: Any, given: dict[str, Any]) -> Reference:
        """Find a schedule by name, by a scheduler of `optim`, or as a function of t."""
        if not isinstance(asked, str):
            named = _named(asked)
            if named is None:
                if not callable(asked):
                    what = class_name(asked)
                    raise TypeError(f"check_schedule: schedule must be a name, a scheduler or a function, got {what}.")
                name = getattr(asked, "__name__", None) or class_name(asked)
                formula, used = _written(asked)
                return Reference(name.strip("<>"), formula, {**used, "schedule": asked})
            asked, own = named
            given = {**own, **given}
        name = OTHER_NAMES.get(asked.lower(), asked.lower())
        if name not in SCHEDULES:
            raise ValueError(f"check_schedule: no schedule {asked!r}; the schedules are {', '.join(SCHEDULES)}.")
        text = SCHEDULES[name]
        linear = name == "onecycle" and given.get("anneal", given.get("anneal_strategy", "cos")) == "linear"
        given = {n: v for n, v in given.items() if name != "onecycle" or n not in ("anneal", "anneal_strategy")}
        for (which, setting), other in OTHERS.items():
            if which == name and any(setting in (n, *OTHER_SETTINGS.get(n, ())[:1]) for n in given):
                text = other
        if linear:
            text = text.replace("(1 - np.cos(np.pi * t / top)) / 2", "(t / top)")
            down = "(t - top) / (T - 1 - top)"
            text = text.replace(f"(1 + np.cos(np.pi * ({down}))) / 2", f"(1 - {down})")
        formula = Formula.of(text)
        settings = _settings(name, text, formula, given)
        alternatives: list[tuple[str, Formula]] = []
        if name == "onecycle":
            alternatives = [
                (note, Formula.of(text.replace("(T - 1 - top)", length).replace("start * T - 1", top)))
                for top, length, note in TOPS
            ]
        for ours, theirs, note in WARMUPS.get(name, ()):
            alternatives.append((f"another convention: {note}", Formula.of(text.replace(ours, theirs))))
        branches = list(rewrite(formula, *BRANCHES[name])) if name in BRANCHES else []
        if name == "plateau":
            settings["losses"] = losses(int(settings["patience"]), settings["threshold"])
        return Reference(name, formula, settings, alternatives, branches)

    @property
    def end(self) -> int:
        """The last t that is compared."""
        s = self.settings
        if self.name == "plateau":
            return len(s["losses"])
        if self.name == "multistep":
            return int(1.4 * max(s["milestones"])) + 2
        if "schedule" in s:  # a function of t, or a scheduler that may have an end
            return int(getattr(s["schedule"], "total_steps", 61)) - 1
        length = s.get("T", s.get("every", 2 * s["up"] if "up" in s else s.get("warmup", 20)))
        if self.name in ENDING:
            return int(length) - (self.name == "onecycle") or 1
        return int(length * (1 + s.get("T_mult", 1) + s.get("T_mult", 1) ** 2)) or 20

    def times(self) -> list[int]:
        """The t at which the rates are compared."""
        end, s = self.end, self.settings
        corners = [end, end // 3, int(s.get("warmup", 0)), int(s.get("start", 0) * s.get("T", 0))]
        corners += [int(m) for m in s.get("milestones", ())] + [int(s.get("up", 0))]
        near = {c + d for c in corners for d in (-1, 0, 1)}
        every = np.linspace(0, end, 40 if self.name != "plateau" else end + 1).astype(int).tolist()
        last = end if self.name in ENDING or "schedule" in s else max(end, 11)
        return sorted(t for t in {*range(12), *every, *near} if 0 <= t <= last)


def losses(patience: int, threshold: float) -> list[float]:
    """Return losses that improve, wait for `patience` steps and longer, and fall without being the best."""
    wait = patience + 1
    seq = [2.0, 1.5, 1.2, 1.0, *[1.1] * patience, 0.9, *[(0.95, 0.93)[i % 2] for i in range(3 * wait + 1)], 0.8]
    seq += [0.8 * (1 - threshold / 2 if threshold else 1)] * (wait + 1)
    return [*seq, 0.5, *[0.7 - 0.1 * (i % 3 == 2) for i in range(7 * wait)]]


def _settings(name: str, text: str, formula: Formula, given: dict[str, Any]) -> dict[str, Any]:
    arguments = next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)).args
    named = [a.arg for a in arguments.args]
    defaults = [eval(ast.unparse(d)) for d in arguments.defaults]  # numbers of this file
    settings = dict(zip(named[len(named) - len(defaults) :], defaults))
    known = formula.settings - {"losses"}
    for setting, value in given.items():
        ours = setting
        if setting not in known:
            ours = next((n for n in OTHER_SETTINGS.get(setting, ()) if n in known), setting)
        if ours not in known:
            raise TypeError(f"check_schedule: {name} has no setting {setting!r}; it has {sorted(known)}.")
        settings[ours] = value
    if missing := sorted(known - settings.keys()):
        raise TypeError(f"check_schedule: {name} needs {', '.join(missing)}.")
    for n, value in settings.items():
        if n == "milestones" and not isinstance(value, list | tuple | np.ndarray):
            raise TypeError(f"check_schedule: milestones must be a list of numbers, got {value!r}")
        for number in value if n == "milestones" else [value]:
            check_number("check_schedule", **{n: number})
            if not np.isfinite(number):
                raise ValueError(f"check_schedule: {n} must be finite, got {number}")
    if not len(settings.get("milestones", [0])):
        raise ValueError("check_schedule: milestones must not be empty")
    lengths = ("alpha_0", "largest", "T", "every", "up", "warmup", "d_model")
    check_positive("check_schedule", **{n: value for n, value in settings.items() if n in lengths})
    warmup, length = settings.get("warmup", 0), settings.get("T", np.inf)
    if warmup >= length:
        raise ValueError(f"check_schedule: warmup must be shorter than T, got warmup={warmup} and T={length}")
    return settings


def _written(asked: Any) -> tuple[Formula, dict[str, Any]]:
    """Return the formula of a function of t and the names that it uses; if its source cannot be read, a call of it."""
    with suppress(Exception):
        outside = inspect.getclosurevars(asked)
        used = {**outside.builtins, **outside.globals, **outside.nonlocals}
        numbers = frozenset(n for n, v in used.items() if isinstance(v, int | float))
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(asked)).strip())):
            if not isinstance(node, ast.Lambda | ast.FunctionDef) or len(node.args.args) != 1:
                continue
            time = node.args.args[0].arg
            body = [ast.Return(node.body)] if isinstance(node, ast.Lambda) else node.body
            names = {time: expression("t"), "math": expression("np")}
            formula = Formula("schedule", tuple(filled(line, names) for line in body), numbers)
            given = {"np": np, **used, "schedule": asked}
            if all(np.isclose(formula({**given, "t": t}), asked(t), rtol=1e-12) for t in (0, 1, 7, 30)):
                return formula, used
    return Formula.of("def schedule(t): return schedule(t)"), {}


def _named(asked: Any) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the settings of a scheduler of `optim`, None if it has no formula here."""
    rate: Callable[[], float] = lambda: asked.base_lrs[0]  # noqa: E731
    kind = type(asked)
    if kind is schedule.StepDecay:
        return "step", {"alpha_0": asked.alpha_0, "every": asked.every, "factor": asked.factor}
    if kind in (schedule.ExponentialDecay, schedule.InverseDecay):
        return OTHER_NAMES[kind.__name__.lower()], {"alpha_0": asked.alpha_0, "k": asked.k}
    if kind is lr_scheduler.StepLR:
        return "step", {"alpha_0": rate(), "every": asked.step_size, "factor": asked.gamma}
    if kind is lr_scheduler.MultiStepLR:
        return "multistep", {"alpha_0": rate(), "milestones": asked.milestones, "factor": asked.gamma}
    if kind is lr_scheduler.ConstantLR:
        return "constant", {"alpha_0": rate(), "T": asked.total_iters, "factor": asked.start_factor}
    if kind is lr_scheduler.LinearLR:
        factors = {"start_factor": asked.start_factor, "end_factor": asked.end_factor}
        return "linear", {"alpha_0": rate(), "T": asked.total_iters, **factors}
    if kind is lr_scheduler.ExponentialLR:
        return "exponential", {"alpha_0": rate(), "factor": asked.gamma}
    if kind is lr_scheduler.PolynomialLR:
        return "polynomial", {"alpha_0": rate(), "T": asked.total_iters, "power": asked.power}
    if kind is lr_scheduler.CosineAnnealingLR:
        return "cosine", {"alpha_0": rate(), "T": asked.T_max, "smallest": asked.eta_min}
    if kind is lr_scheduler.CosineAnnealingWarmRestarts:
        mult = {"T_mult": asked.T_mult} if asked.T_mult > 1 else {}
        return "restarts", {"alpha_0": rate(), "T": asked.T_0, "smallest": asked.eta_min, **mult}
    even = kind is lr_scheduler.CyclicLR and asked.scale_fn is None and asked.total_size == 2 * asked.up
    if even and asked.mode != "exp_range":
        lower = {"decay": 0.5} if asked.mode == "triangular2" else {}
        return "cyclic", {"alpha_0": rate(), "largest": asked.max_lrs[0], "up": asked.up, **lower}
    if kind is lr_scheduler.OneCycleLR and len(asked._ends) == 2:
        steps, div = asked.total_steps, asked.max_lrs[0] / rate()
        own = {"largest": asked.max_lrs[0], "T": steps, "start": (asked._ends[0] + 1) / steps, "div_factor": div}
        return "onecycle", {**own, "final_div_factor": asked.final_div_factor, "anneal": asked.anneal_strategy}
    if kind is lr_scheduler.ReduceLROnPlateau:
        if asked.mode == "max" or asked.threshold_mode == "abs" or asked.cooldown:
            raise ValueError("check_schedule: of ReduceLROnPlateau only mode='min' without a cooldown is compared.")
        settings = {n: getattr(asked, n) for n in ("factor", "patience", "threshold")}
        return "plateau", {"alpha_0": asked._last_lr[0], "smallest": asked.min_lrs[0], **settings}
    return None
