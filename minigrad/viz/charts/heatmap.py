"""Heat maps as SVG: how the values of something are distributed, over time."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256

import numpy as np

from minigrad.viz.charts.svg import Frame, Svg, drawing, estimate_width, number, path, text, ticks


def heat_map(
    intensity: np.ndarray,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    *,
    title: str = "",
    x: str = "",
    width: int = 360,
    height: int = 220,
) -> Svg:
    """Draw a matrix as a heat map: the larger a number, the stronger the colour.

    Args:
        intensity: numbers between 0 and 1, of shape (values, times), the smallest value first.
        x_range: the times at the left and the right edge.
        y_range: the values at the lower and the upper edge.
        title: the text above the picture. Default: none.
        x: the label of the time axis. Default: none.
        width, height: the size in pixels, labels included. Default: 360 by 220.

    >>> heat_map(np.eye(4), (1, 100), (-1.0, 1.0), title="0 (Linear)").startswith("<svg")
    True
    """
    named_y = [(t, number(t)) for t in ticks(*y_range, 4)]
    left = 18 + max(estimate_width(name) for _, name in named_y)
    top, right, bottom = 16 + (24 if title else 0), width - 16, height - 28 - (18 if x else 0)
    across, down = _scale(x_range, left, right), _scale(y_range, bottom, top)
    # 32 shades compress better than 256 and look the same
    data = _png(8 * np.round(31 * np.clip(intensity[::-1], 0, 1)).astype(np.uint8))
    unique = sha256(data + title.encode("utf-8", "backslashreplace")).hexdigest()[:12]  # in a page with other heat maps
    mask = f"heat-{unique}"
    place = f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"'
    parts = [
        f'<mask id="{mask}"><image {place} preserveAspectRatio="none" style="image-rendering: pixelated" '
        f'href="data:image/png;base64,{b64encode(data).decode()}"/></mask>',
        f'<rect {place} class="raised-fill"/>',
        f'<rect {place} class="blue-fill" mask="url(#{mask})"/>',
    ]
    if title:
        parts.append(text(14, 24, title, style="title ink-fill"))
    if x:
        parts.append(text(right, height - 10, x, "end", "soft-fill"))
    for t, name in named_y:
        parts.append(f'<path class="soft-line" d="{path([(left - 5, down(t)), (left, down(t))])}"/>')
        parts.append(text(left - 8, down(t) + 4, name, "end", "small soft-fill"))
    for t in ticks(*x_range, max(2, int(right - left) // 90)):
        parts.append(f'<path class="soft-line" d="{path([(across(t), bottom), (across(t), bottom + 5)])}"/>')
        parts.append(text(across(t), bottom + 19, number(t), "middle", "small soft-fill"))
    picture = drawing(width, height, parts, f"{title}: values over time".strip(": "))
    picture.frame = Frame(left, right, top, bottom, x_range, y_range)
    return picture


def _scale(values: tuple[float, float], start: float, end: float) -> Callable[[float], float]:
    low, high = values
    return lambda v: start + (v - low) / ((high - low) or 1) * (end - start)


def _png(grey: np.ndarray) -> bytes:
    """Encode a greyscale image of shape (rows, columns) as PNG. Source: ISO/IEC 15948."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows, columns = grey.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)  # 8 bits, greyscale, not interlaced
    lines = np.pad(grey, ((0, 0), (1, 0))).tobytes()  # each row starts with 0: no filter
    compressed = zlib.compress(lines, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", compressed) + chunk(b"IEND", b"")
