"""The report of a watched run: one page of HTML with its curves, what came out of each layer, and what was said."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.teach.samples import BINS, Histogram, Sample
from minigrad.teach.symptoms import BOUNDS, USUAL
from minigrad.viz.charts.chart import chart
from minigrad.viz.charts.heatmap import heat_map
from minigrad.viz.charts.svg import Svg, path
from minigrad.viz.page import Page, page

if TYPE_CHECKING:
    from minigrad.viz.training.watch import Watcher

CURVES = 8
"""Of more layers, so many are drawn, from the first to the last; all are in the table."""
COLUMNS = 240
"""Of a heat map."""
_ROOM = 18
"""For the name of a curve, in letters."""
_USUAL = f"usual: {USUAL:g}"


def report(watcher: Watcher) -> Page:
    """The page."""
    name = type(watcher.model).__name__
    running = not watcher.closed
    parts = [
        f"<h1>A training run of {escape(name)}</h1>",
        f'<p class="soft">{escape(_summary(watcher))}</p>',
        '<p class="soft">The run is not over; this page loads itself again.</p>' if running else "",
        _findings(watcher),
    ]
    samples = watcher.samples
    if samples:
        parts += [
            f'<section><h2>Over time</h2><div class="charts">{"".join(_curves(watcher))}</div></section>',
            f"<section><h2>Layer by layer</h2>{_table(watcher)}</section>",
            _heat_maps(samples),
        ]
    seconds = watcher.seconds if running else 0
    return page(f"Training run of {name}", "\n".join(parts), name="watch", data={"seconds": seconds})


def write(text: Page, target: str | Path) -> None:
    """Write a page so that a reader never finds half of it."""
    target = Path(target)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        text.save(beside)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def _summary(watcher: Watcher) -> str:
    steps, looked = len(watcher.losses), len(watcher.samples)
    count = sum(p.numel() for p in watcher.model.parameters())
    by = "the lecture's loop" if watcher.optimizer is None else type(watcher.optimizer).__name__
    rates = _rates(watcher.samples)
    rate = f" at a learning rate of {rates['lr'][0]:g}" if "lr" in rates and len({*rates["lr"]}) == 1 else ""
    return (
        f"{count:,} parameters, updated by {by}{rate}. {steps:,} {'step' if steps == 1 else 'steps'} in "
        f"{watcher.elapsed:.3g} s; watching took {watcher.share:.1%} of the processor's time; "
        f"{looked:,} {'was' if looked == 1 else 'were'} looked at."
    )


def _rates(samples: Sequence[Sample]) -> dict[str, list[float]]:
    """The learning rate of each group of parameters; three digits, for those that were seen in the updates."""
    groups = max((len(sample.learning_rates) for sample in samples), default=0)
    return {
        "lr" if groups == 1 else f"group {i}": [
            float(f"{s.learning_rates[i]:.3g}") if i < len(s.learning_rates) else math.nan for s in samples
        ]
        for i in range(groups)
    }


def _findings(watcher: Watcher) -> str:
    bounds = "".join(f"<li><b>{_capital(kind)}</b>: {escape(when)}.</li>" for kind, when in BOUNDS.items())
    looked_for = f"<details><summary>What is looked for</summary><ul>{bounds}</ul></details>"
    if not watcher.findings:
        return f'<section><p class="finding fine"><b>Nothing unusual.</b></p>{looked_for}</section>'
    said = "".join(
        f'<li class="finding"><b>{escape(_capital(f.kind))}</b> <span class="soft">step {f.step:,}</span><br>'
        f"{escape(_capital(f.text))}.</li>"
        for f in watcher.findings
    )
    return f"<section><h2>What was noticed</h2><ul>{said}</ul>{looked_for}</section>"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


# ---- curves ----------------------------------------------------------------------------------------------------


def _curves(watcher: Watcher) -> list[Svg]:
    samples = watcher.samples
    steps = [sample.step for sample in samples]
    rates = _rates(samples)
    vary = any(len({*values}) > 1 for values in rates.values())
    candidates = [
        _loss(watcher.losses),
        _chart("Learning rate", steps, rates) if vary else None,
        _chart("Norm of the gradient", steps, _by_layer(samples, "gradients"), log=True),
        _chart(
            "Update-to-parameter ratio", steps, {**_by_layer(samples, "ratios"), _USUAL: [USUAL] * len(steps)}, log=True
        ),
        _chart("Share of dead ReLUs", steps, _by_layer(samples, "dead"), y_range=(0.0, 1.0)),
    ]
    return [picture for picture in candidates if picture is not None]


def _loss(losses: Sequence[float]) -> Svg | None:
    values = np.array(losses)
    curves = {"each batch": values}
    window = len(values) // 50
    if window >= 5:
        sums = np.cumsum(np.insert(values, 0, 0.0))  # a nan stays to the end, and the run is over there
        mean = (sums[window:] - sums[:-window]) / window
        curves[f"mean of {window}"] = np.concatenate([np.full(window - 1, np.nan), mean])
    finite = values[np.isfinite(values)]
    usual = np.median(finite) if finite.size else 0.0
    log = bool(finite.size) and finite.min() > 0 and (finite.max() > 10 * usual or usual > 10 * finite.min())
    return _chart("Loss", range(1, len(values) + 1), curves, log=log)


def _by_layer(samples: Sequence[Sample], what: str) -> dict[str, list[float]]:
    """The curves of some layers, from the first to the last."""
    names = list(dict.fromkeys(name for sample in samples for name in getattr(sample, what)))
    if len(names) > CURVES:
        names = [names[round(i * (len(names) - 1) / (CURVES - 1))] for i in range(CURVES)]
    return {
        short: [getattr(sample, what).get(name, math.nan) for sample in samples]
        for name, short in _short(names).items()
    }


def _short(names: Sequence[str]) -> dict[str, str]:
    """Long names as their ends, which leave room for the curves.

    >>> _short(["0 (Linear)", "encoder.layers.0.self_attn (MultiheadAttention)"])
    {'0 (Linear)': '0 (Linear)', 'encoder.layers.0.self_attn (MultiheadAttention)': '…0.self_attn'}
    """

    def end(name: str, parts: int) -> str:
        name = name.removeprefix("relu after ")
        if len(name) <= _ROOM:
            return name
        pieces = name.split(" (")[0].split(".")
        return "…" * (len(pieces) > parts) + ".".join(pieces[-parts:])

    shorter = [{name: end(name, parts) for name in names} for parts in (1, 2, 3)]
    return next((s for s in shorter[1:] if len({*s.values()}) == len(names)), {name: name for name in names})


def _chart(title: str, steps: Sequence[int], curves: dict[str, Any], log: bool = False, **options: Any) -> Svg | None:
    """A chart of what can be shown: without curves of nothing, and on a logarithmic axis without zeros."""
    shown = {}
    for name, values in curves.items():
        array = np.array(values, float)
        if log:
            array[~(array > 0)] = np.nan
        if np.isfinite(array).any():
            shown[name] = (list(steps), array)
    if not set(shown) - {_USUAL}:
        return None
    return chart(shown, title=title, x="step", log_y=log, width=480, height=290, **options)


# ---- the table -------------------------------------------------------------------------------------------------


def _table(watcher: Watcher) -> str:
    samples, last = watcher.samples, watcher.samples[-1]
    names = _in_order([*last.outputs, *last.gradients])
    columns: list[tuple[str, str, Callable[[Sample, str], float], Callable[[float], str]]] = [
        ("|gradient|", "norm of the gradient", lambda s, n: s.gradients.get(n, math.nan), lambda v: f"{v:.2g}"),
        ("|Δx| / |x|", "update-to-parameter ratio", lambda s, n: s.ratio(n), lambda v: f"{v:.1e}" if v else "0"),
        ("dead", "share of dead units", lambda s, n: s.dead.get(n, math.nan), lambda v: f"{v:.0%}"),
    ]
    if not last.dead:
        columns.pop()
    head = "".join(f'<th class="number" title="{title}">{name}</th>' for name, title, _, _ in columns)
    rows = []
    for name in names:
        cells = []
        for title, _, value, shown in columns:
            values = [value(sample, name) for sample in samples]
            is_there = math.isfinite(values[-1])
            spark = "" if title.endswith("units") else _spark(values)
            cells.append(f'<td class="number">{shown(values[-1]) + spark if is_there else ""}</td>')
        outputs = last.outputs.get(name)
        mean = f"{outputs.mean:.2g} ± {outputs.std:.2g}" if outputs else ""
        if outputs and outputs.not_finite:
            mean += f", {outputs.not_finite:.0%} not finite"
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}<td class="number">{mean}</td></tr>')
    note = f'<p class="soft">Frozen: {escape(", ".join(watcher.frozen))}.</p>' if watcher.frozen else ""
    return (
        f'<p class="soft">As of step {last.step:,}; the small curves go over the whole run, by powers of ten.</p>'
        f'<div class="scroll"><table><thead><tr><th>layer</th>{head}<th class="number">output, mean ± std</th>'
        "</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>{note}"
    )


def _in_order(names: Sequence[str]) -> list[str]:
    """Each once, a function behind the layer that it comes after."""
    found: list[str] = []
    for name in dict.fromkeys(names):
        before = name.removeprefix("relu after ").split(",")[0]
        found.insert(found.index(before) + 1 if name != before and before in found else len(found), name)
    return found


def _spark(values: Sequence[float]) -> str:
    """A curve as small as a word."""
    array = np.array(values, float)
    array = np.log10(np.where(array > 0, array, np.nan), out=np.full(len(array), np.nan), where=array > 0)
    if np.isfinite(array).sum() < 2:
        return ""
    low, high = np.nanmin(array[np.isfinite(array)]), np.nanmax(array[np.isfinite(array)])
    heights = 16 - 14 * (array - low) / max(high - low, 1e-3)
    d = path((60 * i / (len(array) - 1), float(h)) for i, h in enumerate(heights))
    return f'<svg class="spark" viewBox="-1 0 62 18" width="62" height="18" aria-hidden="true"><path d="{d}"/></svg>'


# ---- what came out of the layers -------------------------------------------------------------------------------


def _heat_maps(samples: Sequence[Sample]) -> str:
    names = _in_order([name for sample in samples for name in sample.outputs])
    pictures = [
        _heat_map(name, [(s.step, s.outputs[name].histogram) for s in samples if name in s.outputs]) for name in names
    ]
    return (
        "<section><h2>What comes out of each layer</h2>"
        '<p class="soft">How its numbers are spread, step by step: the stronger the colour, the more of them.</p>'
        f'<div class="maps">{"".join(pictures)}</div></section>'
    )


def _heat_map(name: str, histograms: Sequence[tuple[int, Histogram]]) -> Svg:
    steps = np.array([step for step, _ in histograms])
    ends = float(steps[0]), float(steps[-1] + (np.median(np.diff(steps)) if len(steps) > 1 else 1))
    times = np.linspace(*ends, min(COLUMNS, max(int(ends[1] - ends[0]), 1)))
    shown = [histograms[i][1] for i in np.searchsorted(steps, times, side="right") - 1]
    # of the columns a few that exploded must not hide the others
    span = float(np.quantile([histogram.span for histogram in shown], 0.95, method="lower"))
    counts = np.array([histogram.over(span).counts for histogram in shown], float)
    counts /= np.maximum(counts.sum(1, keepdims=True), 1)
    sums = counts.cumsum(1)
    low = int(np.quantile((sums < 0.005).sum(1), 0.1))
    high = int(np.quantile((sums < 0.995).sum(1), 0.9)) + 1
    low, high = max(min(low, high - 8), 0), min(max(high, low + 8), BINS)
    part = counts[:, low:high]
    part = part / np.maximum(np.sort(part, 1)[:, -2:-1], 1e-9)  # one value, as the 0 of a ReLU, may outnumber all
    edge = 2 * span / BINS
    values = (low - BINS // 2) * edge, (high - BINS // 2) * edge
    return heat_map(np.sqrt(part).T, ends, values, title=name if len(name) < 40 else f"…{name[-38:]}", x="step")
