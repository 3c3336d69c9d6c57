"""Predict, then step: right answers are accepted, and wrong ones get the mistake that explains them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, Value, step
from minigrad.program.notation import with_symbols
from minigrad.viz.steps.quiz import Score, ask, questions, read_number
from minigrad.viz.steps.steps import Steps


def scalars() -> Steps:
    a, b = Value(2.0, name="a"), Value(-0.3, name="b")
    return step((a * b).tanh() * a, quiz=True)


def answered(steps: Steps, *answers: str) -> tuple[Score, list[str]]:
    given, lines = iter(answers), []
    return ask(steps, lambda _: next(given), lines.append), lines


def test_all_right_answers_are_right() -> None:
    x = minigrad.randn(4, 3, requires_grad=True)
    w = minigrad.randn(3, requires_grad=True)
    for steps in (scalars(), step((x @ w).relu().sum(), quiz=True), step((x.mean() * 3).exp().log())):
        asked = [question for s in steps for question in questions(s)]
        for question in asked:
            assert question.judge(str(question.answer)) == (True, "Right.")
            assert not any(question.judge(str(wrong))[0] for wrong, _ in question.mistakes)
        score, lines = answered(steps, *(str(question.answer) for question in asked))
        assert (score.first_try, score.asked) == (len(asked), len(asked))
        assert lines[-1] == f"{len(asked)} of {len(asked)} right at the first try."


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
def test_ctrl_d_and_ctrl_c_end_the_quiz_with_the_score(end: type[BaseException]) -> None:
    given, lines = iter(["7"]), []

    def read(_: str) -> str:
        for text in given:
            return text
        raise end

    score = ask(scalars(), read, lines.append)
    assert (score.first_try, score.asked) == (0, 1) and lines[-1] == "0 of 1 right at the first try."


@pytest.mark.parametrize(
    ("build", "name", "answer", "said"),
    [
        (lambda a: (a * 0.5).tanh(), "dn1", lambda a, g: 1 - (a * 0.5).tanh().data, "computed as `1 - tanh(n1)`"),
        (
            lambda a: a.tanh() * 5,
            "da",
            lambda a, g: 1 - a.tanh().data ** 2,
            "The upstream gradient is ignored at `tanh(a)`",
        ),
        (lambda a: a.tanh() * 5, "da", lambda a, g: 5, "the upstream gradient is passed to `a` as it is"),
        (lambda a: a.tanh() * 5, "da", lambda a, g: -g, "has the wrong sign"),
        (lambda a: a**3 * 2, "da", lambda a, g: 2 * a.data**2, "`a**2`: the factor 3 is missing"),
        (lambda a: a**3 * 2, "da", lambda a, g: 6 * a.data**3, "the exponent is not lowered by one"),
        (lambda a: 7 / a, "da", lambda a, g: 7 / a.data**2, "has the wrong sign"),
        (lambda a: (a * 0.4).exp() * 3, "dn1", lambda a, g: a.data * 0.4, "the value of `n1`"),
        (lambda a: a.relu() * 0.7, "da", lambda a, g: a.data * 0.7, "computed as `relu(a)`"),
        (lambda a: a.tanh() * 5, "da", lambda a, g: 5 + 1 - a.tanh().data ** 2, "the chain rule multiplies them"),
        (lambda a: a * 7.5, "da", lambda a, g: a.data, "computed as `a` instead of `7.5`"),
        (
            lambda a: (a - 4) * 9.7,
            "da",
            lambda a, g: -1,
            "is ignored at `a - 4`: the local derivative alone goes to `a`",
        ),
        (lambda a: (4 - a) * 9.7, "da", lambda a, g: 1, "the factor 9.7; the sign is wrong, too"),
        (lambda a: a.tanh() * 5, "da", lambda a, g: -5, "is passed to `a` as it is; the sign is wrong, too"),
        (
            lambda a: (a + 4) * 9.7,
            "da",
            lambda a, g: 9.7 * a.data,
            "times `a`, which is not the local derivative of `a + 4`",
        ),
        (lambda a: a**2 * 7, "da", lambda a, g: 14, "computed as `2`: the factor a is missing"),
    ],
)
def test_a_wrong_number_gets_its_mistake(
    build: Callable[[Value], Value], name: str, answer: Callable[[Value, float], float], said: str
) -> None:
    a = Value(1.3, name="a")
    (question,) = [q for s in step(build(a)) for q in questions(s) if q.name == name]
    right, text = question.judge(repr(answer(a, question.answer)))
    assert not right and said in text, text


def test_a_contribution_is_not_the_sum() -> None:
    a = Value(3.0, name="a")
    last = [q for s in step(a * a * a) for q in questions(s) if q.name == "da"][-1]
    assert "sum of the contributions to `a` so far" in last.judge("27")[1]


def test_shapes() -> None:
    X, w = minigrad.randn(5, 3), minigrad.randn(3, 4, requires_grad=True)
    w.name = "w"
    asked = {q.name: q for s in step((X @ w).sum()) for q in questions(s)}
    assert asked["dw"].judge("3 x 4")[0] and asked["dw"].judge("(3, 4)")[0]
    assert "transposed" in asked["dw"].judge("4, 3")[1] and "upstream" in asked["dw"].judge("5,4")[1]
    assert "shape of the value" in asked["dw"].judge("7")[1]
    with pytest.raises(ValueError, match="type a shape"):
        asked["dw"].judge("a matrix")


def test_numbers_that_people_type() -> None:
    assert [read_number(text) for text in ("-1/4", "0,5", " 3 ", "\u22122", "1e-3")] == [-0.25, 0.5, 3, -2, 1e-3]
    calculations = {"2*3": 6, "-(-2) * 3": 6, "da = 6": 6, ".5": 0.5, ",5": 0.5, "2 \u00d7 3": 6, "1 \u2212 .5^2": 0.75,
                    "05": 5, "exp(0)": 1, "-0,5": -0.5, "1e-3*2": 2e-3}  # fmt: skip
    assert {text: read_number(text) for text in calculations} == calculations
    for text in ("", "x", "1/0", "1/2/", "9**9**9", "(3, 4)", "1,000,000", "__import__('os')", "a.b", "1j", "True"):
        with pytest.raises(ValueError, match="type a number"):
            read_number(text)


def test_an_answer_from_the_rounded_numbers_on_the_screen_is_right() -> None:
    x = Value(6.0, name="x")
    first, *_ = questions(step(x.tanh())[0])
    assert first.judge("0") == (True, "Right, for the rounded numbers on the screen.")  # 1 - 1 * 1, of 2.5e-5
    assert first.judge("2.5e-5")[0] and first.judge("0.0000")[0]
    assert not first.judge("1")[0] and not first.judge("-1e-5")[0] and not first.judge("0.001")[0]
    (third,) = (q for q in questions(step(x / 3)[0]) if q.name == "dx")
    for text in ("0.3", "0.33", "1/3", ".333", "1/3.0", "0,33", "3.3e-1"):
        assert third.judge(text)[0], text
    for text in ("0", "0.4", "0.2", "0.34", "3", "-0.3", "0.0"):
        assert not third.judge(text)[0], text
    (small,) = (q for q in questions(step(x * 0.01)[0]) if q.name == "dx")
    assert not small.judge("0")[0]


def test_an_answer_of_too_few_digits_is_no_answer() -> None:
    (first,) = questions(step(Value(0.3, name="a") * 0.148)[0])
    for text in ("0.15", "0.148", "14.8%", "~0.15", "0.74 x 0.2", "(0.74)(0.2)", "0.3\u00b2 + 0.058"):
        assert first.judge(text)[0], text
    for text in ("0.1", "1e-1"):  # right to their digits, but so is 0.06
        with pytest.raises(ValueError, match="one more digit"):
            first.judge(text)
    assert not first.judge("0.2")[0] and not first.judge("0")[0]
    score, lines = answered(step(Value(0.3, name="a") * 0.148, quiz=True), "0.1", "0.15")
    assert "   Please type one more digit." in lines and score.first_try == 1


def test_one_contribution_of_the_upstream_gradient() -> None:
    a, b = Value(3.0, name="a"), Value(-2.0, name="b")
    n = a * b
    asked = [q for s in step((a + n) * n) for q in questions(s) if q.name == "db"]
    assert "one contribution to the gradient of `n`" in asked[0].judge("-18")[1]


@pytest.mark.browser
def test_the_page_judges_as_the_terminal(browser: Any, tmp_path: Path) -> None:
    X, w = minigrad.randn(4, 3), minigrad.randn(3, 1, requires_grad=True)
    a = Value(0.3, name="a")
    forms = ["0", "0.1", "0.15", "1", "0.29", "3/4", "~0.3", "14.8%", "(2)(1)", "2 x 1", "1 - 0.29\u00b2", "x", ""]
    forms += ["3, 1", "(4,1)", "1.0, 2.0", "()"]
    judged = "const q = {...quiz.flat()[given[i]], done: false}; judge(q, text); return [q.done, q.said];"
    script = f"const given = arguments[1]; return arguments[0].map((text, i) => {{ {judged} }})"

    def plain(text: str) -> str:
        return with_symbols(text).replace("\N{MINUS SIGN}", "-").replace(" * ", " \N{MIDDLE DOT} ")

    for steps in (step(a.tanh() * 0.148 + 2 * a, quiz=True), step((X @ w).sum(), quiz=True)):
        browser.get(steps.save(tmp_path / "quiz.html").as_uri())
        asked = [q for s in steps.backward for q in questions(s)]
        typed = [(text, i) for i, q in enumerate(asked) for text in (*forms, *(repr(m[0]) for m in q.mistakes[:9]))]
        for (text, i), (right, said) in zip(typed, browser.execute_script(script, *map(list, zip(*typed)))):
            try:
                expected = asked[i].judge(text)
            except ValueError as error:
                expected = (False, f"Please {error}.")
            assert (right, plain(said)) == (expected[0], plain(expected[1])), (asked[i].text, text)


def test_hints_and_skipping() -> None:
    score, lines = answered(scalars(), "?", "s", "q")
    text = "\n".join(lines)
    assert "upstream gradient times the local derivative" in text and (score.first_try, score.asked) == (0, 1)


def test_what_a_wrong_answer_says() -> None:
    x, w, b = Value(2.0, name="x"), Value(-3.0, name="w"), Value(6.8813735870195432, name="b")
    n = x * w + b
    asked = {q.name: q for s in step(n.tanh() * n) for q in questions(s)}
    assert "1 - tanh(n) * tanh(n)`" in questions(step(n.tanh())[0])[0].judge("0.29")[1]  # tanh(n)**2 is 0.5, too
    assert "0 says that `b` does not matter" in asked["db"].judge("0")[1]
    assert "This is the value of `w`" in asked["dw"].judge("-3")[1]
    q = Value(1.5, name="q")
    (first,) = (a for s in step(q * 5 - q)[:1] for a in questions(s) if a.name == "dq")
    assert "has the wrong sign" in first.judge("1")[1] and "This is the whole gradient of `q`" in first.judge("4")[1]


def test_nan_is_an_answer() -> None:
    a = Value(float("nan"), name="a")
    question = questions(step(a * a)[0])[0]
    assert question.judge("nan")[0] and not question.judge("1")[0]


def test_the_lines_of_a_quiz() -> None:
    score, lines = answered(scalars(), "x", "7", "2", "", "q")
    text = "\n".join(lines)
    assert "Please type a number" in text and "Not 7." in text and "Right." in text
    assert "* n3 = 1 * (-0.537)" in text  # shown, since Enter alone was pressed
    assert lines[-1] == "0 of 2 right at the first try." and (score.first_try, score.asked) == (0, 2)


def test_a_program_is_a_quiz(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("from minigrad import Value\na = Value(2.0, name='a')\n(a * 3).backward()\n")
    command = [sys.executable, "-m", "minigrad", "step", str(script), "--quiz"]
    result = subprocess.run(command, input="2\n3\n", capture_output=True, text=True, check=True)
    assert "it is computed as `a` instead of `3`" in result.stdout
    assert "0 of 1 right at the first try." in result.stdout


def test_values_can_be_stepped_after_the_backward_pass() -> None:
    a = Value(3.0, name="a")
    c = a * a
    before = str(step(c))
    c.backward()
    assert [str(s) for s in step(c)] and str(step(c)) == before
    with pytest.raises(RuntimeError, match="second time"):
        c.backward()  # it is still released
    w = Tensor([1.0], requires_grad=True)
    loss = w.exp().sum()
    loss.backward()
    with pytest.raises(RuntimeError, match=r"Call step before backward\(\), or .* backward\(retain_graph=True\)"):
        step(loss)


@pytest.mark.browser
def test_the_page_asks_with_the_keyboard_alone(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains, Keys

    x1, x2 = Value(2.0, name="x1"), Value(0.0, name="x2")
    out = (x1 * -3.0 + x2 + 6.8813735870195432).tanh()
    browser.get(step(out, quiz=True).save(tmp_path / "quiz.html").as_uri())

    def press(*keys: str) -> None:
        ActionChains(browser).send_keys(*keys).perform()

    def shown(name: str) -> str:
        return str(browser.find_element("id", name).text)

    assert not browser.find_element("id", "list").is_displayed() and "0.5" not in shown("step") + shown("graph")
    assert browser.switch_to.active_element.get_attribute("aria-label").endswith("=")
    press("0.29", Keys.ENTER)
    said = "it is computed as 1 \u2212 tanh(n4)"
    assert said in shown("step") and said in shown("status")
    press(Keys.END)  # in the field; the answer is not passed by
    assert shown("where") == "backward 1 of 6"
    press(*[Keys.BACKSPACE] * 4, "1/2", Keys.ENTER)
    assert "1/2" not in shown("step") and "= 0.5" in shown("step") and shown("score").startswith("0 of 1")
    press(Keys.ENTER)
    assert shown("where") == "backward 2 of 6"
    for _ in range(20):
        buttons = browser.find_elements("css selector", ".question .reveal")
        if buttons:
            buttons[0].click()
        elif browser.find_element("id", "next").is_enabled():
            browser.find_element("id", "next").click()
    assert shown("where") == "backward 6 of 6" and "The quiz is done" in shown("status")


@pytest.mark.browser
def test_what_a_wrong_answer_says_is_on_a_small_screen(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    size = {"width": 390, "height": 600, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(step(Value(2.0, name="a") * 7.0, quiz=True).save(tmp_path / "quiz.html").as_uri())
    browser.find_element("css selector", ".question input").send_keys("-7", Keys.ENTER)
    script = (
        "const r = document.querySelector('.said').getBoundingClientRect(); return [r.height, r.bottom - innerHeight]"
    )
    height, below = browser.execute_script(script)
    assert height > 0 and below <= 1


@pytest.mark.browser
def test_the_page_asks_in_a_notebook_too(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    notebook = tmp_path / "notebook.html"
    notebook.write_text(step(Value(2.0, name="a") * 7.0, quiz=True)._repr_html_(), "utf-8")
    browser.get(notebook.as_uri())
    browser.switch_to.frame(browser.find_element("css selector", "iframe"))
    browser.find_element("css selector", ".question input").send_keys("-7", Keys.ENTER)
    assert "wrong sign" in browser.find_element("id", "step").text
    browser.switch_to.default_content()


def test_an_entry_of_the_catalogue_is_an_answer_too() -> None:
    from minigrad.teach.mistakes import CATALOGUE, Variant, mistake

    @mistake("cubed", "edge", "the contribution of {operand} through {through} is cubed", assumes=0.5)
    def cubed(site: Any) -> Any:
        yield Variant(lambda g: site.contribution(g) ** 3)

    try:
        (question,) = questions(step(Value(1.3, name="a") * 7)[0])
        assert question.judge("343")[1] == "Not 343. The contribution of `a` through `a * 7` is cubed."
    finally:
        del CATALOGUE["cubed"]


def test_shapes_with_an_axis_of_one() -> None:
    x, b = minigrad.randn(5, 4, requires_grad=True), minigrad.randn(1, 4, requires_grad=True)
    b.name = "b"
    asked = {q.name: q for s in step((x + b).exp().sum()) for q in questions(s)}
    assert "An axis is lost" in asked["db"].judge("(4,)")[1] and "upstream" in asked["db"].judge("(5, 4)")[1]


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("dh", "(2, 5)", "the shape of `W`, another operand, transposed"),
        ("dW", "(5, 5)", "the shape of `W @ W.T` or `h.T @ h`; the upstream gradient must be a factor"),
        ("dW", "(6, 5, 2)", "an axis too many, of 6 elements, over which to sum"),
        ("dh", "6", "the gradient summed over axis 1; a gradient has the shape of its own value, `h`"),
        ("dh", "(1, 5)", "the gradient summed over axis 0"),
        ("db", "6", "the upstream gradient summed over axis 1"),
        ("dp", "(6, 2, 2)", "a Jacobian; its product"),
        ("dp", "(2, 2)", "a Jacobian; its product"),
        ("dp", "(6, 2, 6, 2)", "the shape of a Jacobian; its product"),
        ("dx", "(3, 2, 4)", "transposed"),
        ("du", "(4, 2, 3)", "the shape of `x`, another operand, transposed"),
    ],
)
def test_a_wrong_shape_gets_its_mistake(name: str, shape: str, said: str) -> None:
    h, W = minigrad.randn(6, 5, requires_grad=True), minigrad.randn(5, 2, requires_grad=True)
    b, x = minigrad.randn(2, requires_grad=True), minigrad.randn(4, 3, 2, requires_grad=True)
    u = minigrad.randn(4, 2, 5, requires_grad=True)
    p = h @ W
    q = (p + b).softmax(1)
    p.name, q.name, h.name, W.name, b.name, x.name, u.name = "p", "q", "h", "W", "b", "x", "u"
    loss = q.sum() + p.softmax(1).sum() + x.exp().sum() + (x @ u).sum()
    asked = [question for s in step(loss) for question in questions(s) if question.name == name]
    assert any(said in question.judge(shape)[1] for question in asked), [q.judge(shape)[1] for q in asked]
    assert all(question.judge(str(question.answer)) == (True, "Right.") for question in asked)


def test_the_whole_gradient_of_an_operand_used_twice_is_no_contribution() -> None:
    c = Value(-3.0, name="c")
    question = questions(step(c * c)[0])[0]
    assert question.judge("-3") == (True, "Right.")
    assert question.judge("-6")[1] == (
        "Not -6. This is what all uses of `c` here pass back together; asked is one contribution."
    )


def test_a_question_that_was_begun_counts_when_the_quiz_is_left() -> None:
    score, lines = answered(scalars(), "12", "q")
    assert (score.first_try, score.asked) == (0, 1) and lines[-1] == "0 of 1 right at the first try."


def test_a_tensor_and_a_number() -> None:
    x = minigrad.tensor(np.ones((2, 3)), requires_grad=True)
    for loss in ((2 * x).sum(), (x**2).sum(), (1 - x).mean(), (x / 3).sum(), minigrad.where(x > 0, x, 0.0).sum()):
        quiz = step(loss, quiz=True)
        assert [questions(s) for s in quiz] and '"quiz":[[[' in str(quiz.page())
    with pytest.raises(TypeError, match="quiz must be True or False, got 'yes'"):
        step(loss, quiz="yes")  # type: ignore[arg-type]
