"""Races as animated GIFs, drawn by matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minigrad.output.files import write_file
from minigrad.output.words import printable, shortened
from minigrad.surfaces.matplotlib_axes import draw_contours, line_style, marker_style, set_title
from minigrad.surfaces.runs import Runs, Watch
from minigrad.viz.charts.colors import LIGHT
from minigrad.viz.charts.files import check_target


def save_gif(
    race: Runs,
    path: str | Path,
    frames: int = 100,
    seconds: float = 8.0,
    watch: Watch = lambda *_: None,
) -> Path:
    """Write a race as an animated GIF.

    Args:
        race: the runs.
        path: the file to write, `.gif`.
        frames: the largest number of frames; there are at most as many as steps. Default: 100.
        seconds: the duration; the last frame stays for two seconds more. Default: 8.
        watch: called after each frame as watch(done, total, "frames"). Default: none.

    Returns:
        The path of the file.

    Raises:
        ValueError: the file does not end in `.gif`.
        OSError: it cannot be written.
        ImportError: matplotlib is not installed.
    """
    path = check_target(path, [".gif"], "save_gif")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from PIL import Image
    except ImportError as error:
        raise ImportError("a GIF needs matplotlib: pip install 'minigrad-course[plot]'") from error
    figure = Figure(figsize=(7.2, 4.6), dpi=80, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.subplots()
    draw_contours(axes, race.surface)
    axes.set(xlabel=" ")
    set_title(axes, race.title)
    axes.plot(*race.start, "o", markersize=10, markerfacecolor="none", markeredgecolor=LIGHT["ink"])
    lines, balls = [], []
    for i in range(len(race)):
        lines += axes.plot([], [], **line_style(i), animated=True)
        balls += axes.plot([], [], **line_style(i), **marker_style(i), animated=True)
    names = [shortened(printable(name), 32) for name in race]
    # handles and labels, since a legend of the axes alone skips labels that start with _
    widest = [f"{name}: diverged" for name in names]
    legend = axes.legend(balls, widest, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    for label in legend.get_texts():
        label.set_parse_math(False)
    canvas.draw()  # fixes the layout; then the static part is drawn once
    figure.set_layout_engine("none")
    legend.set_animated(True)
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    middle = figure.bbox.width * (axes.get_position().x0 + axes.get_position().x1) / 2
    clock = figure.text(middle / figure.bbox.width, 0.02, "", ha="center")

    steps = np.unique(np.linspace(0, race.steps, min(frames, race.steps + 1)).round().astype(int)).tolist()
    images = []
    for i, step in enumerate(steps):
        canvas.restore_region(background)
        for line, ball, label, name, run in zip(lines, balls, legend.get_texts(), names, race.values()):
            positions = run.positions[: step + 1]
            line.set_data(*positions.T)
            ball.set_data(*positions[-1:].T)
            label.set_text(f"{name}: diverged" if run.diverged is not None and step >= run.diverged else name)
        clock.set_text(f"step {step}")
        for artist in (*lines, *balls, legend, clock):
            figure.draw_artist(artist)
        images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
        watch(i + 1, len(steps), "frames")
    # one palette for all frames, from the last one and stripes of the colours that must be exact
    stripes = Image.new("RGB", (images[0].width, images[0].height + 20 * len(LIGHT)))
    stripes.paste(images[-1], (0, 0))
    for i, color in enumerate(LIGHT.values()):
        stripes.paste(color, (0, images[0].height + 20 * i, images[0].width, images[0].height + 20 * (i + 1)))
    palette = stripes.quantize(200)
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    durations = [round(1000 * seconds / len(steps))] * (len(steps) - 1) + [2000]
    first, *others = images
    write_file(
        path, lambda file: first.save(file, "GIF", save_all=True, append_images=others, duration=durations, loop=0)
    )
    return path
