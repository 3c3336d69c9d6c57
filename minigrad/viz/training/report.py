"""The report of a watched run: an HTML page with findings, curves and the outputs of each layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np

from minigrad.teach.causes import CAUSES
from minigrad.teach.samples import BINS, Histogram, Sample
from minigrad.teach.symptoms import BOUNDS, USUAL
from minigrad.viz.charts.chart import chart
from minigrad.viz.charts.heatmap import heat_map
from minigrad.viz.charts.svg import Svg, path
from minigrad.viz.page import Page, page
from minigrad.viz.training.records import RunRecord

MAX_CURVES = 8
"""The largest number of layers in a chart, spread from the first to the last; the table has all of them."""
MAX_POINTS = 600
"""The largest number of points of a curve that can be read off."""
COLUMNS = 240
"""The largest number of columns of a heat map."""
_LABEL_LENGTH = 18
"""The largest length of a curve's label, in characters."""
_USUAL = f"usual: {USUAL:g}"


def report(run: RunRecord, other: RunRecord | None = None) -> Page:
    """Return the report of a run as a page, which reloads itself while the run continues.

    Args:
        run: the run.
        other: another one, to be shown beside it. Default: none.
    """
    runs = [run] if other is None else [run, other]
    charts: list[dict[str, Any]] = []
    title = f"Training run of {run.model}" if other is None else f"Two training runs: {run.model} and {other.model}"
    parts = [f"<h1>{escape(title)}</h1>"]
    parts.append(_beside([_header(one, letter) for one, letter in zip(runs, _letters(runs))]))
    if any(one.samples for one in runs):
        common = _figures(_common_curves(runs), charts)
        curves = [_figures(_curves(one, runs), charts) for one in runs]
        tables = [f"<h2>Layer by layer{of}</h2>{_table(one)}" if one.samples else "" for one, of in _of(runs)]
        first = common if other else common + curves[0]
        parts += [
            f'<section><h2>Over time</h2>{_HINT}<div class="charts">{first}</div></section>',
            _beside([f"<h2>Over time{of}</h2>{c}" for c, (_, of) in zip(curves, _of(runs))]) if other else "",
            _beside(tables),
            _beside([_heat_maps(one.samples, of, charts) if one.samples else "" for one, of in _of(runs)]),
        ]
    seconds = run.seconds if run.running else 0
    return page(title, "\n".join(parts), name="watch", data={"seconds": seconds, "charts": charts})


_HINT = '<p class="soft">Point at a chart, or move in it with the arrow keys, to read its numbers.</p>'


def _letters(runs: Sequence[RunRecord]) -> list[str]:
    return ["", ""] if len(runs) == 1 else ["A", "B"]


def _of(runs: Sequence[RunRecord]) -> list[tuple[RunRecord, str]]:
    return [(run, f", run {letter}" if letter else "") for run, letter in zip(runs, _letters(runs))]


def _header(run: RunRecord, letter: str) -> str:
    return (
        (f"<h2>Run {letter}</h2>" if letter else "")
        + f'<p class="soft">{escape(_summary(run))}</p>'
        + ('<p class="soft">The run continues; this page reloads itself.</p>' if run.running else "")
        + _findings(run)
    )


def _beside(parts: Sequence[str]) -> str:
    """Return parts of the page beside each other, one for each run."""
    if len(parts) == 1:
        return f"<section>{parts[0]}</section>"
    return f'<div class="beside">{"".join(f"<section>{part}</section>" for part in parts)}</div>'


def _figures(pictures: Sequence[tuple[Svg, dict[str, Any]]], charts: list[dict[str, Any]]) -> str:
    """Return pictures as figures, and add what the script needs to read numbers off them to `charts`."""
    found = []
    for picture, curves in pictures:
        frame = picture.frame._asdict() if picture.frame is not None else {}
        found.append(f'<figure class="chart" tabindex="0" data-chart="{len(charts)}">{picture}</figure>')
        charts.append({**frame, **curves})
    return "".join(found)


def _summary(run: RunRecord) -> str:
    steps, sampled = len(run.losses), len(run.samples)
    rates = _learning_rates(run.samples)
    rate = f" at a learning rate of {rates['lr'][0]:g}" if "lr" in rates and len({*rates["lr"]}) == 1 else ""
    return (
        f"{run.parameters:,} parameters, updated by {run.updated_by}{rate}. {steps:,} "
        f"{'step' if steps == 1 else 'steps'} in {run.elapsed:.3g} s, of which {sampled:,} "
        f"{'was' if sampled == 1 else 'were'} sampled; watching took {run.share:.1%} of the processor time."
    )


def _learning_rates(samples: Sequence[Sample]) -> dict[str, list[float]]:
    """Return the learning rate of each parameter group, rounded because the lecture's loop has only estimates."""
    groups = max((len(sample.learning_rates) for sample in samples), default=0)
    return {
        "lr" if groups == 1 else f"group {i}": [
            float(f"{s.learning_rates[i]:.3g}") if i < len(s.learning_rates) else math.nan for s in samples
        ]
        for i in range(groups)
    }


def _findings(run: RunRecord) -> str:
    bounds = dict(BOUNDS)
    for kind, when in CAUSES.items():
        bound = bounds.get(kind, "")  # some causes are of the kind of a symptom
        bounds[kind] = when if bound in when else f"{bound}; or {when}"
    criteria = "".join(f"<li><b>{_capital(kind)}</b>: {escape(when)}.</li>" for kind, when in bounds.items())
    checks = f"<details><summary>What is checked</summary><ul>{criteria}</ul></details>"
    if not run.findings:
        return f'<section><p class="finding fine"><b>Nothing unusual.</b></p>{checks}</section>'
    items = "".join(
        f'<li class="finding"><b>{escape(_capital(f.kind))}</b> <span class="soft">step {f.step:,}</span><br>'
        f"{escape(_capital(f.text))}.</li>"
        for f in run.findings
    )
    return f"<section><h2>Findings</h2><ul>{items}</ul>{checks}</section>"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


# ---- curves ----------------------------------------------------------------------------------------------------


def _common_curves(runs: Sequence[RunRecord]) -> list[tuple[Svg, dict[str, Any]]]:
    """Return the charts of all runs together: loss, validation, learning rate and, for two runs, the whole gradient."""
    loss: dict[str, tuple[Any, Any]] = {}
    rate: dict[str, tuple[Any, Any]] = {}
    gradient: dict[str, tuple[Any, Any]] = {}
    for run, letter in zip(runs, _letters(runs)):
        steps = [sample.step for sample in run.samples]
        before = f"{letter}: " if letter else ""
        for name, curve in _losses(run.losses).items():
            if not letter or name != "each batch" or len(_losses(run.losses)) == 1:
                loss[before + name] = (range(1, len(run.losses) + 1), curve)
        if run.validation:
            at, validation = zip(*run.validation)
            loss[f"{before}validation"] = (at, validation)
        rate |= {before + name: (steps, values) for name, values in _learning_rates(run.samples).items()}
        if letter:
            gradient[letter] = (steps, [sample.gradient for sample in run.samples])
    varies = any(len({*values}) > 1 for _, values in rate.values())
    finite = np.concatenate([np.asarray(values, float) for _, values in loss.values()])
    finite = finite[np.isfinite(finite)]
    usual = np.median(finite) if finite.size else 0.0
    log = bool(finite.size) and finite.min() > 0 and (finite.max() > 10 * usual or usual > 10 * finite.min())
    found = [
        _chart("Loss", loss, log=log),
        _chart("Learning rate", rate) if varies or len(runs) > 1 else None,
        _chart("Norm of the whole gradient", gradient, log=True) if gradient else None,
    ]
    return [picture for picture in found if picture is not None]


def _curves(run: RunRecord, runs: Sequence[RunRecord]) -> list[tuple[Svg, dict[str, Any]]]:
    """Return the charts of a run by layer; those of two runs have the same axis."""
    found = []
    for title, attribute, log in (
        ("Norm of the gradient", "gradients", True),
        ("Update-to-parameter ratio", "ratios", True),
        ("Fraction of dead ReLUs", "dead", False),
    ):
        steps = [sample.step for sample in run.samples]
        curves = {name: (steps, values) for name, values in _by_layer(run.samples, attribute).items()}
        if curves and attribute == "ratios":
            curves[_USUAL] = (steps, [USUAL] * len(steps))
        every = [v for one in runs for values in _by_layer(one.samples, attribute).values() for v in values]
        shown = [v for v in every if math.isfinite(v) and (v > 0 or not log)] + [USUAL] * (attribute == "ratios")
        limits = (0.0, 1.0) if not log else (min(shown), max(shown)) if len(runs) > 1 and shown else None
        if limits is not None and limits[0] == limits[1]:
            limits = None
        found.append(_chart(title, curves, log=log, y_range=limits))
    return [picture for picture in found if picture is not None]


def _losses(losses: Sequence[float]) -> dict[str, Any]:
    """Return the loss of each batch, and of a long run its moving mean."""
    values = np.array(losses)
    curves = {"each batch": values}
    window = len(values) // 50
    if window >= 5:
        sums = np.cumsum(np.insert(values, 0, 0.0))  # a nan persists to the end, as it does in the run
        mean = (sums[window:] - sums[:-window]) / window
        curves[f"mean of {window}"] = np.concatenate([np.full(window - 1, np.nan), mean])
    return curves


def _by_layer(samples: Sequence[Sample], attribute: str) -> dict[str, list[float]]:
    """Return an attribute of the samples for at most `MAX_CURVES` layers, as curves by label."""
    names = list(dict.fromkeys(name for sample in samples for name in getattr(sample, attribute)))
    if len(names) > MAX_CURVES:
        names = [names[round(i * (len(names) - 1) / (MAX_CURVES - 1))] for i in range(MAX_CURVES)]
    return {
        label: [getattr(sample, attribute).get(name, math.nan) for sample in samples]
        for name, label in _labels(names).items()
    }


def _labels(names: Sequence[str]) -> dict[str, str]:
    """Return labels for names: long ones are cut to their last parts.

    >>> _labels(["0 (Linear)", "encoder.layers.0.self_attn (MultiheadAttention)"])
    {'0 (Linear)': '0 (Linear)', 'encoder.layers.0.self_attn (MultiheadAttention)': '…0.self_attn'}
    """

    def end(name: str, parts: int) -> str:
        name = name.split(" after ")[-1]
        if len(name) <= _LABEL_LENGTH:
            return name
        pieces = name.split(" (")[0].split(".")
        return "…" * (len(pieces) > parts) + ".".join(pieces[-parts:])

    shorter = [{name: end(name, parts) for name in names} for parts in (1, 2, 3)]
    return next((s for s in shorter[1:] if len({*s.values()}) == len(names)), {name: name for name in names})


def _chart(
    title: str, curves: dict[str, tuple[Any, Any]], log: bool = False, y_range: tuple[float, float] | None = None
) -> tuple[Svg, dict[str, Any]] | None:
    """Return a chart without empty curves, on a logarithmic axis without zeros, and its numbers; None if none remains.

    Args:
        title: of the chart.
        curves: by name the steps and the numbers.
        log: whether the axis is logarithmic.
        y_range: the smallest and the largest number shown. Default: all.
    """
    shown = {}
    for name, (steps, values) in curves.items():
        array = np.array(values, float)
        if log:
            array[~(array > 0)] = np.nan
        if np.isfinite(array).any():
            shown[name] = (list(steps), array)
    if not set(shown) - {_USUAL}:
        return None
    picture = chart(shown, title=title, x="step", log_y=log, width=480, height=290, y_range=y_range)
    return picture, {"curves": [_numbers(name, *shown[name]) for name in shown]}


def _numbers(name: str, steps: Sequence[int], values: np.ndarray) -> list[Any]:
    """Return a curve for the script: its name, at most `MAX_POINTS` steps, and the numbers there, of four digits."""
    every = -(-len(steps) // MAX_POINTS)
    return [name, list(steps)[::every], [float(f"{v:.4g}") for v in values[::every].tolist()]]


# ---- the table -------------------------------------------------------------------------------------------------


def _table(run: RunRecord) -> str:
    samples, last = run.samples, run.samples[-1]
    names = _in_order([*last.outputs, *last.gradients])
    columns: list[tuple[str, str, Callable[[Sample, str], float], Callable[[float], str]]] = [
        ("|gradient|", "norm of the gradient", lambda s, n: s.gradients.get(n, math.nan), lambda v: f"{v:.2g}"),
        ("|Δx| / |x|", "update-to-parameter ratio", lambda s, n: s.ratio(n), lambda v: f"{v:.1e}" if v else "0"),
        ("dead", "fraction of dead units", lambda s, n: s.dead.get(n, math.nan), lambda v: f"{v:.0%}"),
    ]
    if not last.dead:
        columns.pop()
    head = "".join(f'<th class="number" title="{title}">{name}</th>' for name, title, _, _ in columns)
    rows = []
    for name in names:
        cells = []
        for column, _, value, shown in columns:
            values = [value(sample, name) for sample in samples]
            known = math.isfinite(values[-1])
            spark = "" if column == "dead" else _spark(values)
            cells.append(f'<td class="number">{shown(values[-1]) + spark if known else ""}</td>')
        outputs = last.outputs.get(name)
        mean = f"{outputs.mean:.2g} ± {outputs.std:.2g}" if outputs else ""
        if outputs and outputs.not_finite:
            mean += f", {outputs.not_finite:.0%} not finite"
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}<td class="number">{mean}</td></tr>')
    note = f'<p class="soft">Frozen: {escape(", ".join(run.frozen))}.</p>' if run.frozen else ""
    return (
        f'<p class="soft">Step {last.step:,}. The small curves show the whole run on a logarithmic scale.</p>'
        f'<div class="scroll"><table><thead><tr><th>layer</th>{head}<th class="number">output, mean ± std</th>'
        "</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>{note}"
    )


def _in_order(names: Sequence[str]) -> list[str]:
    """Remove duplicates, and move each function behind the layer that it follows."""
    found: list[str] = []
    for name in dict.fromkeys(names):
        layer = name.split(" after ")[-1].split(",")[0]
        found.insert(found.index(layer) + 1 if name != layer and layer in found else len(found), name)
    return found


def _spark(values: Sequence[float]) -> str:
    """Return a sparkline: a curve as small as a word, on a logarithmic scale."""
    array = np.array(values, float)
    array = np.log10(np.where(array > 0, array, np.nan), out=np.full(len(array), np.nan), where=array > 0)
    if np.isfinite(array).sum() < 2:
        return ""
    low, high = np.nanmin(array[np.isfinite(array)]), np.nanmax(array[np.isfinite(array)])
    heights = 16 - 14 * (array - low) / max(high - low, 1e-3)
    d = path((60 * i / (len(array) - 1), float(h)) for i, h in enumerate(heights))
    return f'<svg class="spark" viewBox="-1 0 62 18" width="62" height="18" aria-hidden="true"><path d="{d}"/></svg>'


# ---- the outputs of the layers ---------------------------------------------------------------------------------


def _heat_maps(samples: Sequence[Sample], of: str, charts: list[dict[str, Any]]) -> str:
    names = _in_order([name for sample in samples for name in sample.outputs])
    pictures = []
    for name in names:
        found = [(s.step, s.outputs[name]) for s in samples if name in s.outputs]
        picture = _heat_map(name, [(step, outputs.histogram) for step, outputs in found])
        steps = [step for step, _ in found]
        curves = [
            _numbers(called, steps, np.array([getattr(outputs, called) for _, outputs in found]))
            for called in ("mean", "std")
        ]
        pictures.append((picture, {"curves": curves, "at": True}))
    return (
        f"<h2>Outputs of each layer{of}</h2>"
        '<p class="soft">The distribution of the numbers at each step: the stronger the colour, the more of them.</p>'
        f'<div class="maps">{_figures(pictures, charts)}</div>'
    )


def _heat_map(name: str, histograms: Sequence[tuple[int, Histogram]]) -> Svg:
    steps = np.array([step for step, _ in histograms])
    ends = float(steps[0]), float(steps[-1] + (np.median(np.diff(steps)) if len(steps) > 1 else 1))
    times = np.linspace(*ends, min(COLUMNS, max(int(ends[1] - ends[0]), 1)))
    shown = [histograms[i][1] for i in np.searchsorted(steps, times, side="right") - 1]
    # a few columns that exploded must not hide the others
    span = float(np.quantile([histogram.span for histogram in shown], 0.95, method="lower"))
    counts = np.array([histogram.over(span).counts for histogram in shown], float)
    counts /= np.maximum(counts.sum(1, keepdims=True), 1)
    sums = counts.cumsum(1)
    low = int(np.quantile((sums < 0.005).sum(1), 0.1))
    high = int(np.quantile((sums < 0.995).sum(1), 0.9)) + 1
    low, high = max(min(low, high - 8), 0), min(max(high, low + 8), BINS)
    visible = counts[:, low:high]
    # scale by the second largest count: one value, such as the 0 of a ReLU, may dominate
    visible = visible / np.maximum(np.sort(visible, 1)[:, -2:-1], 1e-9)
    edge = 2 * span / BINS
    values = (low - BINS // 2) * edge, (high - BINS // 2) * edge
    return heat_map(np.sqrt(visible).T, ends, values, title=name if len(name) < 40 else f"…{name[-38:]}", x="step")
