"""The page of a race: an interactive animation of all rules at once.

After A. Radford's two animations in the lecture (contours of a loss surface; a saddle point). The script of the page is
`viz/pages/race.js`.
"""

from __future__ import annotations

import functools
import inspect
from base64 import b64encode
from html import escape
from typing import Any

import numpy as np

from minigrad.surfaces.javascript import to_javascript
from minigrad.surfaces.pictures import SHADES, ContourMap, contour_map
from minigrad.surfaces.runs import DIVERGED_AT, RULES, Rule, Run, Runs, Watch
from minigrad.viz.charts.colors import series
from minigrad.viz.charts.svg import drawing
from minigrad.viz.page import Page, page, read_file

NOT_ELEMENTWISE = ("lamb", "adafactor")
"""Rules that `viz/pages/update_rules.js` does not have: their steps depend on x and y together."""
MAX_DRAWN = 1500
"""The largest number of steps that a page shows; of a longer race, every second, third, … one."""
MAX_LIVE, MAX_NOISY = 20_000, 2_000
"""The largest number of steps that a page runs by itself; with noise, which the page has to hold."""
MAX_CHARACTERS = 180_000
"""The largest number of characters that arrays take in a page; it limits the number of learning rates."""

_BODY = """\
<main>
<h1>{title}</h1>
<p class="soft">{about}</p>
<div class="columns">
<section class="stage" aria-label="race">
{picture}
<div class="panel">
<div class="row">
<button id="first" aria-label="to the start">{first}</button>
<button id="back" aria-label="one step back">{back}</button>
<button id="play" class="main">Play</button>
<button id="next" aria-label="one step forward">{next}</button>
<label class="row">speed <select id="speed"><option value="0.25">¼</option><option value="0.5">½</option>
<option value="1" selected>1</option><option value="2">2</option><option value="4">4</option></select></label>
</div>
<label for="step">step <output id="step-text" class="number"></output></label>
<input type="range" id="step" min="0" max="{last}" value="0">
<label for="rate">learning rates <output id="rate-text" class="number"></output></label>
<input type="range" id="rate" min="0" max="{rates}" value="{default_rate}">
<label class="choice"><input type="checkbox" id="inside"> internal state: gradients, velocities, caches</label>
</div>
</section>
<section class="side" aria-label="numbers">
<div class="scroll"><table id="rules"><thead><tr><th></th><th>rule</th><th class="number">rate</th>
<th class="number">loss</th></tr></thead><tbody></tbody></table></div>
<h2>Loss</h2>
<svg id="losses" role="img" aria-label="the loss of each rule by step"></svg>
{controls}<div id="states" hidden><h2>Internal state</h2>
<p class="soft">Arrows on the map: −dx in ink, and the direction of the rule's momentum in its colour. A longer arrow
is a larger vector.</p>
<div class="scroll"><table><thead><tr><th>rule</th><th></th><th></th><th class="number">x</th><th class="number">y</th>
</tr></thead><tbody></tbody></table></div></div>
</section>
</div>
<p class="soft keys"><kbd>space</kbd> plays and pauses, <kbd>←</kbd> <kbd>→</kbd> move by one step,
<kbd>Home</kbd> <kbd>End</kbd> jump to the start and the end, <kbd>↑</kbd> <kbd>↓</kbd> change the learning rates,
<kbd>s</kbd> shows the internal state.</p>
<p id="status" class="unseen" role="status"></p>
</main>"""
_CONTROLS = """\
<details id="settings" open><summary><h2>Settings</h2></summary>
<div class="sliders"></div>
<div class="row">
<label>start x <input type="number" id="start-x" step="any"></label>
<label>y <input type="number" id="start-y" step="any"></label>
<button id="reset">Reset</button>
</div></details>
"""
_ICON = '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path fill="currentColor" d="{}"/></svg>'


def race_page(race: Runs, watch: Watch = lambda *_: None) -> Page:
    """Return a page that animates the race: play, pause, go to any step, change settings, show the internal state.

    If the page can run the race by itself, every rule has sliders for its learning rate, mu and betas, and a click on
    the map starts from there. The surface is translated from the engine's program (`javascript`), and the rules of
    `optim.rules` are in `viz/pages/update_rules.js`. For a surface or a rule that has no translation, the race is run
    here instead, at 2, 4, 8, … times its learning rates and at 1/2, 1/4, 1/8, … of them, and stored with at least two
    digits.

    Args:
        race: the runs.
        watch: called after each step as watch(done, total, name of the rule), if the race is run here. Default: none.
    """
    ground = contour_map(race.surface, 520, 430)
    rules = {name: _translated(rule) for name, rule in race.rules.items()}
    short = race.steps <= (MAX_NOISY if race.surface.noise else MAX_LIVE)
    surface = to_javascript(race.surface) if short and all(rules.values()) else None
    data = _recorded(race, watch) if surface is None else _live(race, rules)
    data |= {
        "view": race.surface.view,
        "box": ground.box,
        "lowest": ground.lowest,
        "rules": [dict(zip(("name", "color", "dash", "marker"), (name, *series(i), i))) for i, name in enumerate(race)],
    }
    update_rules = read_file("update_rules.js") if surface else ""
    before = f'"use strict";\nconst surface = {surface or "null"};\n{update_rules}'
    title = f"Race of update rules: {race.surface.name}"
    result = page(title, _body(race, ground, data, surface is not None), name="race", data=data, before=before)
    result.height = 900
    return result


def _body(race: Runs, ground: ContourMap, data: dict[str, Any], live: bool) -> str:
    surface = race.surface
    about = [f"f(x, y) = {surface.formula}." if surface.formula else "", f"{surface.source}." if surface.source else ""]
    about.append("Click the map to start from there." if live else "")
    return _BODY.format(
        title=escape(f"Race of update rules: {surface.name}"),
        about=escape(" ".join(filter(None, about))),
        picture=drawing(520, 430, ground.parts, f"contours of {surface.name}, with a marker for each rule", SHADES),
        first=_ICON.format("M3 2h2v12H3zM14 2v12L6 8z"),
        back=_ICON.format("M12 2v12L4 8z"),
        next=_ICON.format("M4 2v12l8-6z"),
        last=len(data["steps"]) - 1,
        rates=2 * data["default_rate"],
        default_rate=data["default_rate"],
        controls=_CONTROLS if live else "",
    )


def _translated(rule: Rule) -> dict[str, Any] | None:
    """Return the name of a rule of `optim.rules` and its settings, or None if the page does not have it."""
    plain, positional, changed = rule, (), {}
    if isinstance(rule, functools.partial):
        plain, positional, changed = rule.func, rule.args, rule.keywords
    name = getattr(plain, "__name__", "")
    if RULES.get(name) is not plain or name in NOT_ELEMENTWISE or positional:
        return None
    parameters = list(inspect.signature(plain).parameters.values())[4:]  # after x, dx, state and the learning rate
    settings = {p.name: changed.get(p.name, p.default) for p in parameters}
    if not all(isinstance(value, int | float) for value in settings.values()):
        return None
    return {"rule": name, "settings": settings}


def _live(race: Runs, rules: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a page that runs the race by itself."""
    every = -(-race.steps // MAX_DRAWN)
    noise = np.random.default_rng(race.seed).normal(0.0, race.surface.noise, (race.steps + 1, 2))
    rates = {name: run.learning_rate for name, run in race.items()}
    return {
        "steps": _shown(race.steps, every).tolist(),
        "default_rate": 4,
        "live": {
            "rules": [{**rules[name], "rate": rate} for name, rate in rates.items()],
            "start": race.start,
            "steps": race.steps,
            "view": race.surface.view,
            "noise": noise.ravel() if race.surface.noise else None,
            "far": DIVERGED_AT,
        },
    }


def _recorded(race: Runs, watch: Watch) -> dict[str, Any]:
    """Run the race at other learning rates, and return the data of a page that shows them."""
    numbers = sum(6 + 2 * len(run.states) for run in race.values())  # two-byte numbers per step, at most
    per_rate = (race.steps + 1) * numbers * 2 * 4 / 3  # in base64
    sides = int(min(4, max(1, (MAX_CHARACTERS / per_rate - 1) // 2)))
    every = max(1, round(per_rate * (2 * sides + 1) / MAX_CHARACTERS))

    def watch_race(i: int) -> Watch:
        return lambda done, total, name: watch(i * total + done, (2 * sides + 1) * total, f"{name}, rates {i + 1}")

    races = []
    for i in range(2 * sides + 1):
        rates = {name: run.learning_rate * 2.0 ** (i - sides) for name, run in race.items()}
        races.append(race.again(rates, watch_race(i)) if i != sides else race)
    shown = _shown(race.steps, every)
    return {
        "steps": shown.tolist(),
        "default_rate": sides,
        "races": [[_packed(run, shown, race.surface.view) for run in runs.values()] for runs in races],
    }


def _shown(steps: int, every: int) -> np.ndarray:
    return np.unique(np.append(np.arange(0, steps + 1, every), steps))


def _packed(run: Run, steps: np.ndarray, view: tuple[float, float, float, float]) -> dict[str, Any]:
    """Return a run as the script reads it: those of `steps` that the run made, and its last one."""
    rows = steps[steps < len(run.positions)]
    if rows[-1] != len(run.positions) - 1:
        rows = np.append(rows, len(run.positions) - 1)
    left, right, low, high = view
    # 16-bit integers: a resolution of 1/16384 of the view, clipped two views away
    place = (run.positions[rows] - ((left + right) / 2, (low + high) / 2)) / (right - left, high - low)
    vectors = {"dx": run.gradients[rows]}
    for name, values in run.states.items():
        if values.shape == (len(run.positions) - 1, 2):
            vectors[name] = np.concatenate([np.zeros((1, 2)), values])[rows]
    momentum = next((name for name in ("mb", "m", "v") if name in vectors and (vectors[name] < 0).any()), None)
    moves = np.diff(run.positions, axis=0)
    return {
        "rate": run.learning_rate,
        "diverged": run.diverged,
        "places": _base64(np.clip(np.round(place * 16384), -32768, 32767), "<i2"),
        "losses": _base64(run.losses[rows], "<f4"),
        "vectors": {name: _bfloat16(values) for name, values in vectors.items()},
        "momentum": momentum,
        "ahead": momentum is None or not moves.size or float(np.sum(run.states[momentum] * moves)) >= 0,
    }


def _base64(values: np.ndarray, dtype: str) -> str:
    with np.errstate(over="ignore"):
        return b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()


def _bfloat16(values: np.ndarray) -> str:
    """Encode as bfloat16, the upper halves of float32: the range of float32 and more than two digits."""
    with np.errstate(over="ignore"):
        bits = np.ascontiguousarray(values, "<f4").view("<u4").astype(np.uint64)
    return _base64(np.minimum((bits + 0x8000) >> 16, 0xFFFF), "<u2")
