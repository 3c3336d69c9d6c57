"""Pages: one HTML file each, with all that it shows and runs inside, that opens from disk and asks no network.

The scripts and styles lie beside, in `pages/`: `common.css` is for all of them (text, buttons, tables, in the colours
of `colours`), a page's own are `NAME.js` and `NAME.css`. This file imports no NumPy.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from minigrad.viz.charts.colors import custom_properties

FILES = Path(__file__).with_name("pages")

# no request leaves the page; of scripts, the page's own alone runs, whatever names and texts come in with the data
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {}; base-uri 'none'; form-action 'none'"
)

_SKELETON = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


class Page(str):
    """The text of a page. It shows itself in a notebook; `save` writes it."""

    height = 640
    """In a notebook, in pixels."""

    def save(self, path: str | Path) -> Path:
        """Write it to a file, and give the file's path."""
        path = Path(path)
        path.write_text(self, "utf-8", newline="\n")
        return path

    def _repr_html_(self) -> str:
        # a document of its own inside the notebook's, so that neither's styles and keys reach the other
        style = f"width: 100%; height: {self.height}px; border: 0"
        return f'<iframe srcdoc="{escape(self)}" style="{style}" sandbox="allow-scripts"></iframe>'


def page(title: str, body: str, *, name: str = "", data: Any = None) -> Page:
    """A self-contained page.

    Args:
        title: plain text, of any characters.
        body: HTML, which is taken as it is: texts of others go through `html.escape` first.
        name: of the script in `pages/`, with the style of that name if there is one.
        data: what the script finds with `JSON.parse(document.getElementById("data").textContent)`: numbers, texts,
            lists, dictionaries and arrays. What JSON has no number for becomes "NaN", "Infinity" or "-Infinity",
            which JavaScript's `Number` reads.

    >>> text = page("a < b", "<h1>Numbers</h1>", data={"loss": [0.5, math.inf], "name": "</script>"})
    >>> "<title>a &lt; b</title>" in text, '{"loss":[0.5,"Infinity"],"name":"\\\\u003c/script>"}' in text
    (True, True)
    """
    style = (
        custom_properties() + _file("common.css") + (_file(f"{name}.css") if (FILES / f"{name}.css").exists() else "")
    )
    script = _file(f"{name}.js") if name else ""
    allowed = f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" if script else "'none'"
    text = json.dumps(_plain(data), ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")
    return Page(
        _SKELETON.format(
            policy=_POLICY.format(allowed), title=escape(title), style=style, body=body, data=text, script=script
        )
    )


def _file(name: str) -> str:
    return (FILES / name).read_text("utf-8")


def _plain(data: Any) -> Any:
    """What JSON can say: arrays become lists, and infinities and nan texts."""
    if isinstance(data, float):
        return float(data) if math.isfinite(data) else "NaN" if data != data else f"{'-' * (data < 0)}Infinity"
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return _plain(data.tolist()) if hasattr(data, "tolist") else data
