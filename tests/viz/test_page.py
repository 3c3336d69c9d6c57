"""Self-contained pages: data cannot run as code, no requests are sent, and a browser displays them."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad.viz import page as pages
from minigrad.viz.page import page

HOSTILE = "</script><script>alert(1)</script><!-- \u2028 \" ' & é 数"


@pytest.fixture
def a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a script that writes its data into the page."""
    (tmp_path / "common.css").write_text((pages.FILES / "common.css").read_text("utf-8"), "utf-8")
    (tmp_path / "probe.js").write_text(
        'const data = JSON.parse(document.getElementById("data").textContent);\n'
        'document.getElementById("here").textContent = data.text;\n'
        'document.getElementById("sum").textContent = data.numbers.map(Number).reduce((a, b) => a + b);\n',
        "utf-8",
    )
    monkeypatch.setattr(pages, "FILES", tmp_path)
    return "probe"


def data_of(text: str) -> Any:
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert len(found) == 1
    return json.loads(found[0])


def test_data_come_through_whatever_they_are() -> None:
    data = {"text": HOSTILE, "numbers": [math.inf, -math.inf, math.nan, 0.1, np.float32(0.5)], 3: np.eye(2), "no": None}
    text = page(HOSTILE, "", data=data)
    assert data_of(text) == {
        "text": HOSTILE,
        "numbers": ["Infinity", "-Infinity", "NaN", 0.1, 0.5],
        "3": [[1.0, 0.0], [0.0, 1.0]],
        "no": None,
    }
    assert "alert" not in re.sub(r'id="data">.*', "", text).replace("&lt;script&gt;alert", "")


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        page("t", "", data={"function": print})


def test_no_page_names_an_address() -> None:
    for file in pages.FILES.iterdir():
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")  # a name, and no request
        assert not re.search(r"https?:|//[a-z]+\.|@import|url\(|fetch\(|XMLHttp|WebSocket", text), file.name
        assert "</script" not in text and "</style" not in text


def test_a_page_needs_no_numpy() -> None:
    code = "import sys; from minigrad.viz.page import page; page('t', '', data=[1.0]); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_notebook_gets_a_document_of_its_own() -> None:
    shown = page("t", '<p class="a">&amp;</p>')._repr_html_()
    assert shown.startswith('<iframe srcdoc="') and "&lt;p class=&quot;a&quot;&gt;&amp;amp;&lt;/p&gt;" in shown


@pytest.mark.browser
def test_a_browser_runs_the_pages_script_and_no_other(browser: Any, a_script: str, tmp_path: Path) -> None:
    body = '<h1 id="here"></h1><p id="sum"></p>'
    made = page("Probe", body, name=a_script, data={"text": HOSTILE, "numbers": [1.5, "Infinity"]})
    browser.get(made.save(tmp_path / "probe.html").as_uri())
    assert browser.find_element("id", "here").text.split() == HOSTILE.split()
    assert browser.find_element("id", "sum").text == "Infinity"
    assert browser.execute_script("return document.querySelectorAll('script').length") == 2

    intruder = made.replace(
        "<p id", "<script>document.title = 'taken'</script><img src='https://example.org/a.png'><p id"
    )
    (tmp_path / "intruder.html").write_text(intruder, "utf-8")
    browser.get((tmp_path / "intruder.html").as_uri())
    assert browser.title == "Probe"
    refused = [line["message"] for line in browser.get_log("browser")]
    assert sum("Content Security Policy" in message for message in refused) == 2


@pytest.mark.browser
def test_a_page_is_dark_where_the_reader_wants_it_dark(browser: Any, tmp_path: Path) -> None:
    uri = page("t", "<p>text</p>").save(tmp_path / "t.html").as_uri()

    def paper(scheme: str) -> str:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        browser.get(uri)
        return browser.execute_script("return getComputedStyle(document.body).backgroundColor")

    assert paper("light") == "rgb(255, 255, 255)"
    assert paper("dark") == "rgb(20, 23, 27)"


@pytest.mark.browser
def test_in_a_notebook_the_page_runs_in_its_frame(browser: Any, a_script: str, tmp_path: Path) -> None:
    made = page("Probe", '<h1 id="here"></h1><p id="sum"></p>', name=a_script, data={"text": "&lt;", "numbers": [1, 2]})
    (tmp_path / "notebook.html").write_text(f"<!DOCTYPE html><h1>Notebook</h1>{made._repr_html_()}", "utf-8")
    browser.get((tmp_path / "notebook.html").as_uri())
    browser.switch_to.frame(0)
    assert browser.find_element("id", "here").text == "&lt;" and browser.find_element("id", "sum").text == "3"
    browser.switch_to.default_content()
