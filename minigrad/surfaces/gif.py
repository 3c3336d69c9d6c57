"""A race as an animated GIF, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.surfaces.contours import levels
from minigrad.surfaces.pictures import LEVELS, title_of
from minigrad.viz.charts.colors import LIGHT, SLATE, blend, series

if TYPE_CHECKING:
    from minigrad.surfaces.racing import Race


def gif(
    result: Race,
    path: str | Path,
    frames: int = 100,
    seconds: float = 8.0,
    watch: Callable[[int, int, str], None] = lambda *_: None,
) -> Path:
    """The race as an animated GIF, drawn by matplotlib.

    Args:
        result: the race.
        path: where to write it.
        frames: how many pictures at most; no more than there are steps.
        seconds: how long it takes; the last picture stays for two more.
        watch: called after each picture with how many are done and how many there are.

    Raises:
        ImportError: where matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from PIL import Image
    except ImportError as error:
        raise ImportError("a GIF is drawn by matplotlib: pip install 'minigrad-course[plot]'") from error
    surface = result.surface
    figure = Figure(figsize=(7.2, 4.6), dpi=80, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.subplots()
    x, y, z = surface.grid()
    z = np.ma.masked_invalid(z)
    bounds = [float(z.min()), *levels(z.data, LEVELS, surface.steep), float(z.max()) + 1e-9]
    axes.contourf(
        x, y, z, bounds, colors=[blend(LIGHT["paper"], SLATE, 0.75 * i / LEVELS) for i in range(len(bounds))]
    )
    axes.contour(x, y, z, bounds[1:-1], colors=LIGHT["soft"], linewidths=0.4, alpha=0.6)
    axes.set(xlim=surface.view[:2], ylim=surface.view[2:], title=title_of(result), xlabel=" ")
    axes.plot(*result.start, "o", markersize=10, markerfacecolor="none", markeredgecolor=LIGHT["ink"])
    lines, balls = [], []
    for i, name in enumerate(result):
        colour, dash = series(i)
        look: Any = {"color": LIGHT[colour], "linestyle": (0, [float(d) / 2 for d in dash.split()]) if dash else "-"}
        lines += axes.plot([], [], **look, linewidth=2, animated=True)
        sign: Any = {
            "marker": "os^Dv"[i % 5],
            "markersize": 8,
            "markeredgecolor": "white",
            "label": f"{name}: diverged",
        }
        balls += axes.plot([], [], **look, **sign, linewidth=2, animated=True)
    legend = axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    canvas.draw()  # makes room for all, which stays; then what does not change is drawn once
    figure.set_layout_engine("none")
    legend.set_animated(True)
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    middle = figure.bbox.width * (axes.get_position().x0 + axes.get_position().x1) / 2
    clock = figure.text(middle / figure.bbox.width, 0.02, "", ha="center")

    steps = np.unique(np.linspace(0, result.steps, min(frames, result.steps + 1)).round().astype(int)).tolist()
    pictures = []
    for i, step in enumerate(steps):
        canvas.restore_region(background)
        for line, ball, words, (name, run) in zip(lines, balls, legend.get_texts(), result.items()):
            positions = run.positions[: step + 1]
            line.set_data(*positions.T)
            ball.set_data(*positions[-1:].T)
            words.set_text(f"{name}: diverged" if run.diverged is not None and step >= run.diverged else name)
        clock.set_text(f"step {step}")
        for artist in (*lines, *balls, legend, clock):
            figure.draw_artist(artist)
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
        watch(i + 1, len(steps), "pictures")
    # one palette for all, from the last picture and stripes of the colours that lines and paper are to keep
    stripes = Image.new("RGB", (pictures[0].width, pictures[0].height + 20 * len(LIGHT)))
    stripes.paste(pictures[-1], (0, 0))
    for i, colour in enumerate(LIGHT.values()):
        stripes.paste(colour, (0, pictures[0].height + 20 * i, pictures[0].width, pictures[0].height + 20 * (i + 1)))
    palette = stripes.quantize(200)
    pictures = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    durations = [round(1000 * seconds / len(steps))] * (len(steps) - 1) + [2000]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0)
    return Path(path)
