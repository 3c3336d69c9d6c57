"""docs/pictures/step.png: the step page of the digits network, taken in Chromium by `python tests/test_tutorials.py`.

The picture depends on the browser and its fonts, so that tests compare not its pixels but a digest of what it was taken
of: the style and the script of the page, its controls, and the graph without its numbers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import struct
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import minigrad
from minigrad import nn
from minigrad.viz.charts.colors import custom_properties
from minigrad.viz.page import read_file
from minigrad.viz.steps import page

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "step.png"
WIDTH, HEIGHT, SCALE, STEP = 970, 900, 1.5, "backward-3"
ZOOM = 1.1  # the smallest text has 11 pixels where the picture is 830 wide
_SIGNATURE, _KEY = b"\x89PNG\r\n\x1a\n", b"Source digest\0"


def steps() -> Any:
    """The steps of the README's network on one batch."""
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    network = minigrad.Network(model, nn.CrossEntropyLoss())
    loss = network.forward(minigrad.data.digits().train.sample_data_batch())
    return minigrad.step(loss)


def digest() -> str:
    """What the page shows, but for the numbers of the network, which may be rounded otherwise elsewhere."""
    found = page.PageData(steps())
    data = found.data
    graph = {
        "nodes": [[name, title, kind] for name, (title, *_), kind, _ in data["nodes"]],
        "edges": [[found.index.get(source) for source in node.inputs] for node in found.nodes],
        "program": data["program"],
        "texts": data["texts"],
    }
    files = [read_file(name) for name in ("common.css", "step.css", "step.js")]
    taken = [WIDTH, HEIGHT, SCALE, ZOOM, STEP, *files, custom_properties(), page._BODY, graph]
    return hashlib.sha256(json.dumps(taken).encode()).hexdigest()


def recorded(picture: bytes) -> str | None:
    """The digest that was stored in a PNG, None if there is none. Source: ISO/IEC 15948, 11.3.4.3."""
    assert picture.startswith(_SIGNATURE), "not a PNG"
    at = len(_SIGNATURE)
    while at < len(picture):
        (size,) = struct.unpack(">I", picture[at : at + 4])
        kind, content = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + size]
        if kind == b"tEXt" and content.startswith(_KEY):
            return content.removeprefix(_KEY).decode("latin-1")
        at += 12 + size
    return None


def stored(picture: bytes, text: str) -> bytes:
    """A PNG with a digest, stored before its last chunk."""
    content = b"tEXt" + _KEY + text.encode("latin-1")
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return picture[:-12] + chunk + picture[-12:]


def driver() -> Any:
    """A headless Chromium.

    Raises:
        LookupError: selenium, Chromium or its chromedriver are not installed.
    """
    try:
        from selenium import webdriver
    except ImportError:
        raise LookupError("selenium is not installed: pip install selenium") from None
    names = ("chromium", "chromium-browser", "google-chrome")
    binary, service = next(filter(None, map(shutil.which, names)), None), shutil.which("chromedriver")
    if binary is None or service is None:
        raise LookupError(
            "Chromium and its chromedriver are not on the PATH (Debian: apt install chromium chromium-driver)"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(service))


def take() -> bytes:
    """Take the screenshot.

    Raises:
        LookupError: there is no browser.
    """
    with driver() as browser, tempfile.TemporaryDirectory() as folder:
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": SCALE, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(f"{steps().save(Path(folder) / 'step.html').as_uri()}#{STEP}")
        browser.execute_script(f"zoom({ZOOM}); paint()")
        time.sleep(0.5)  # until it has been drawn
        found = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    return stored(base64.b64decode(found["data"]), digest())
