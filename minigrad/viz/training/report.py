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
COLUMNS = 240
"""The largest number of columns of a heat map."""
_LABEL_LENGTH = 18
"""The largest length of a curve's label, in characters."""
_USUAL = f"usual: {USUAL:g}"


def report(run: RunRecord) -> Page:
    """Return the report of a run as a page, which reloads itself while the run continues."""
    parts = [
        f"<h1>Training run of {escape(run.model)}</h1>",
        f'<p class="soft">{escape(_summary(run))}</p>',
        '<p class="soft">The run continues; this page reloads itself.</p>' if run.running else "",
        _findings(run),
    ]
    samples = run.samples
    if samples:
        parts += [
            f'<section><h2>Over time</h2><div class="charts">{"".join(_curves(run))}</div></section>',
            f"<section><h2>Layer by layer</h2>{_table(run)}</section>",
            _heat_maps(samples),
        ]
    seconds = run.seconds if run.running else 0
    return page(f"Training run of {run.model}", "\n".join(parts), name="watch", data={"seconds": seconds})


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
    bounds = {**BOUNDS, **CAUSES}
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


def _curves(run: RunRecord) -> list[Svg]:
    samples = run.samples
    steps = [sample.step for sample in samples]
    rates = _learning_rates(samples)
    vary = any(len({*values}) > 1 for values in rates.values())
    candidates = [
        _loss(run.losses),
        _chart("Learning rate", steps, rates) if vary else None,
        _chart("Norm of the gradient", steps, _by_layer(samples, "gradients"), log=True),
        _chart(
            "Update-to-parameter ratio", steps, {**_by_layer(samples, "ratios"), _USUAL: [USUAL] * len(steps)}, log=True
        ),
        _chart("Fraction of dead ReLUs", steps, _by_layer(samples, "dead"), y_range=(0.0, 1.0)),
    ]
    return [picture for picture in candidates if picture is not None]


def _loss(losses: Sequence[float]) -> Svg | None:
    values = np.array(losses)
    curves = {"each batch": values}
    window = len(values) // 50
    if window >= 5:
        sums = np.cumsum(np.insert(values, 0, 0.0))  # a nan persists to the end, as it does in the run
        mean = (sums[window:] - sums[:-window]) / window
        curves[f"mean of {window}"] = np.concatenate([np.full(window - 1, np.nan), mean])
    finite = values[np.isfinite(values)]
    usual = np.median(finite) if finite.size else 0.0
    log = bool(finite.size) and finite.min() > 0 and (finite.max() > 10 * usual or usual > 10 * finite.min())
    return _chart("Loss", range(1, len(values) + 1), curves, log=log)


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


def _chart(title: str, steps: Sequence[int], curves: dict[str, Any], log: bool = False, **options: Any) -> Svg | None:
    """Return a chart without empty curves, on a logarithmic axis without zeros; None if no curve remains."""
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


def _heat_maps(samples: Sequence[Sample]) -> str:
    names = _in_order([name for sample in samples for name in sample.outputs])
    pictures = [
        _heat_map(name, [(s.step, s.outputs[name].histogram) for s in samples if name in s.outputs]) for name in names
    ]
    return (
        "<section><h2>Outputs of each layer</h2>"
        '<p class="soft">The distribution of the numbers at each step: the stronger the colour, the more of them.</p>'
        f'<div class="maps">{"".join(pictures)}</div></section>'
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
