"""The page of a race: an animation of all rules at once to play with, made without a plotting library.

The idea is that of A. Radford's two animations in the lecture (contours of a loss surface; a saddle point). What the
page does with the numbers is in `show/pages/race.js`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.surfaces.pictures import SHADES, ground
from minigrad.viz.charts.colors import series
from minigrad.viz.charts.svg import drawing
from minigrad.viz.page import Page, page

if TYPE_CHECKING:
    from minigrad.surfaces.racing import Race, Run

ROOM = 190_000
"""How many characters of a page may be arrays; there are as many learning rates as fit in."""

_BODY = """\
<main>
<h1>{title}</h1>
<p class="soft">{about}</p>
<div class="columns">
<section class="stage" aria-label="the race">
{picture}
<div class="panel">
<div class="row">
<button id="first" aria-label="to the start">{first}</button>
<button id="back" aria-label="one step back">{back}</button>
<button id="play" class="main">Play</button>
<button id="next" aria-label="one step on">{next}</button>
<label class="row">speed <select id="speed"><option value="0.25">¼</option><option value="0.5">½</option>
<option value="1" selected>1</option><option value="2">2</option><option value="4">4</option></select></label>
</div>
<label for="step">step <output id="step-text" class="number"></output></label>
<input type="range" id="step" min="0" max="{last}" value="0">
<label for="rate">learning rates <output id="rate-text" class="number"></output></label>
<input type="range" id="rate" min="0" max="{rates}" value="{usual}">
<label class="choice"><input type="checkbox" id="inside"> internal state: gradients, velocities, caches</label>
</div>
</section>
<section class="side" aria-label="numbers">
<div class="scroll"><table id="rules"><thead><tr><th></th><th>rule</th><th class="number">rate</th>
<th class="number">loss</th></tr></thead><tbody></tbody></table></div>
<h2>Loss</h2>
<svg id="losses" role="img" aria-label="the loss of each rule by step"></svg>
<div id="states" hidden><h2>Internal state</h2>
<p class="soft">Arrows on the map: −dx in ink, and in the rule's colour where its momentum leads; the longer, the
more.</p>
<div class="scroll"><table><thead><tr><th>rule</th><th></th><th></th><th class="number">x</th><th class="number">y</th>
</tr></thead><tbody></tbody></table></div></div>
</section>
</div>
<p class="soft keys"><kbd>space</kbd> plays and stops, <kbd>←</kbd> <kbd>→</kbd> go by steps,
<kbd>Home</kbd> <kbd>End</kbd> to the start and the end, <kbd>↑</kbd> <kbd>↓</kbd> change the learning rates,
<kbd>s</kbd> shows the internal state.</p>
<p id="said" class="unseen" role="status"></p>
</main>"""
_ICON = '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path fill="currentColor" d="{}"/></svg>'


def page_of(result: Race, watch: Callable[[int, int, str], None] = lambda *_: None) -> Page:
    """The race as a page: play, stop, go to any step, change the learning rates, look at the internal state.

    For that, the race is run again at learning rates that are 2, 4, 8, … times those that it was run with, and as many
    parts of them. All numbers are the engine's, kept with 2 digits and more.

    Args:
        result: the race.
        watch: called after each step with how many of all steps are done, how many there are, and what is run.
    """
    on = ground(result.surface, 520, 430)
    numbers = sum(6 + 2 * len(run.states) for run in result.values())  # of two bytes, for a step, at most
    per_rate = (result.steps + 1) * numbers * 2 * 4 / 3  # in base64
    sides = int(min(4, max(1, (ROOM / per_rate - 1) // 2)))
    every = max(1, round(per_rate * (2 * sides + 1) / ROOM))

    def after(others: int) -> Callable[[int, int, str], None]:
        return lambda done, of, name: watch(others * of + done, (2 * sides + 1) * of, f"{name}, rates {others + 1}")

    races = []
    for i in range(2 * sides + 1):
        rates = {name: run.learning_rate * 2.0 ** (i - sides) for name, run in result.items()}
        races.append(result.again(rates, after(i)) if i != sides else result)

    kept = np.unique(np.append(np.arange(0, result.steps + 1, every), result.steps))
    data = {
        "steps": kept.tolist(),
        "usual": sides,
        "view": result.surface.view,
        "box": on.box,
        "lowest": on.lowest,
        "rules": [
            dict(zip(("name", "colour", "dash", "sign"), (name, *series(i), i))) for i, name in enumerate(result)
        ],
        "races": [[_packed(run, kept, result.surface.view) for run in r.values()] for r in races],
    }
    surface = result.surface
    about = [f"f(x, y) = {surface.formula}." if surface.formula else "", f"{surface.source}." if surface.source else ""]
    body = _BODY.format(
        title=escape(f"Race of update rules: {surface.name}"),
        about=escape(" ".join(filter(None, about))),
        picture=drawing(520, 430, on.parts, f"the contours of {surface.name}, with a ball for each rule", SHADES),
        first=_ICON.format("M3 2h2v12H3zM14 2v12L6 8z"),
        back=_ICON.format("M12 2v12L4 8z"),
        next=_ICON.format("M4 2v12l8-6z"),
        last=len(kept) - 1,
        rates=2 * sides,
        usual=sides,
    )
    made = page(f"Race of update rules: {surface.name}", body, name="race", data=data)
    made.height = 900
    return made


def _packed(run: Run, kept: np.ndarray, view: tuple[float, float, float, float]) -> dict[str, Any]:
    """A run as the page reads it: of the steps in `kept`, those that it made."""
    rows = kept[kept < len(run.positions)]
    if rows[-1] != len(run.positions) - 1:
        rows = np.append(rows, len(run.positions) - 1)
    left, right, low, high = view
    # 1/16384 of the view is a fine enough step; two views away is far enough
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
        "places": _text(np.clip(np.round(place * 16384), -32768, 32767), "<i2"),
        "losses": _text(run.losses[rows], "<f4"),
        "vectors": {name: _halves(values) for name, values in vectors.items()},
        "momentum": momentum,
        "ahead": momentum is None or not moves.size or float(np.sum(run.states[momentum] * moves)) >= 0,
    }


def _text(values: np.ndarray, dtype: str) -> str:
    with np.errstate(over="ignore"):
        return b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()


def _halves(values: np.ndarray) -> str:
    """The upper halves of float32: its range, and more than two digits."""
    with np.errstate(over="ignore"):
        bits = np.ascontiguousarray(values, "<f4").view("<u4").astype(np.uint64)
    return _text(np.minimum((bits + 0x8000) >> 16, 0xFFFF), "<u2")
