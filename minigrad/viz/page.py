"""Self-contained HTML pages: a single file with its data, script and style, which opens without a network.

Scripts and styles are in `pages/`: all pages share `common.css` (text, buttons, tables, in the colours of
`charts/colors.py`); `NAME.js` and `NAME.css` belong to one page. This file imports no NumPy.
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

from minigrad.output.files import write_file
from minigrad.output.words import printable, writable
from minigrad.viz.charts.colors import custom_properties
from minigrad.viz.charts.files import check_target

ENDINGS = (".html", ".htm")
FILES = Path(__file__).with_name("pages")

# the page sends no requests and runs only its own script, whatever names and texts its data contain
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
    """The text of an HTML page. It displays itself in a notebook; `save` writes it to a file."""

    height = 640
    """The height in a notebook, in pixels."""

    def save(self, path: str | Path) -> Path:
        """Write the page to a file and return its path.

        Raises:
            ValueError: the file ends neither in `.html` nor in `.htm`.
            OSError: it cannot be written.
        """
        path = check_target(path, ENDINGS, "save")
        content = self.encode()
        write_file(path, lambda file: file.write(content))
        return path

    def _repr_html_(self) -> str:
        # a separate document, isolated from the styles and keys of the notebook; a quiz has a form
        style = f"width: 100%; height: {self.height}px; border: 0"
        allowed = "allow-scripts allow-forms allow-downloads"
        return f'<iframe srcdoc="{escape(self)}" style="{style}" sandbox="{allowed}"></iframe>'


def page(title: str, body: str, *, name: str = "", data: Any = None, before: str = "") -> Page:
    """Assemble a self-contained page.

    Args:
        title: plain text, with any characters.
        body: HTML, inserted as it is: pass texts from elsewhere through `html.escape`.
        name: the name of the script and the style in `pages/`; a page may have one of them. Default: neither.
        data: the data of the script, read by `JSON.parse(document.getElementById("data").textContent)`: numbers, texts,
            lists, dictionaries and arrays. Floats that JSON cannot represent become "NaN", "Infinity" or "-Infinity",
            which JavaScript's `Number` parses. Default: null.
        before: JavaScript that runs before the page's script. It is inserted as it is: no text from elsewhere may be in
            it. Default: none.

    >>> text = page("a < b", "<h1>Numbers</h1>", data={"loss": [0.5, math.inf], "name": "</script>"})
    >>> "<title>a &lt; b</title>" in text, '{"loss":[0.5,"Infinity"],"name":"\\\\u003c/script>"}' in text
    (True, True)
    """
    own = {ending: read_file(f"{name}.{ending}") for ending in ("css", "js") if (FILES / f"{name}.{ending}").exists()}
    if name and not own:
        raise FileNotFoundError(f"{FILES} has neither {name}.js nor {name}.css")
    style = custom_properties() + read_file("common.css") + own.get("css", "")
    script = before + own.get("js", "")
    allowed = f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" if script else "'none'"
    text = json.dumps(_plain(data), ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")
    return Page(
        _SKELETON.format(
            policy=_POLICY.format(allowed),
            title=escape(printable(title)),
            style=style,
            body=writable(body),
            data=text,
            script=script,
        )
    )


def read_file(name: str) -> str:
    """Return the text of a file in `pages/`."""
    return (FILES / name).read_text("utf-8")


def _plain(data: Any) -> Any:
    """Return data that JSON can represent: arrays become lists; nan and infinities become texts."""
    if isinstance(data, str):
        return writable(data)
    if isinstance(data, float):
        return float(data) if math.isfinite(data) else "NaN" if data != data else f"{'-' * (data < 0)}Infinity"
    if isinstance(data, Mapping):
        return {writable(str(key)): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return _plain(data.tolist()) if hasattr(data, "tolist") else data
