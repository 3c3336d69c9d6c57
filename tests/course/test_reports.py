"""Reports say what was right and where it went wrong, to students and to the teacher, whatever names and texts hold."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from record_samples import BROKEN, CLASS, EVIL, GOOD, HOSTILE, MISSING, PART, TROUBLE, record

from minigrad.course import Record
from minigrad.course.formats import feedback
from minigrad.course.record import FAILED, PASSED
from minigrad.course.record import FILE as RECORD
from minigrad.course.reports import report, student, teacher


def graded(folder: Path, records: Iterable[Record] = CLASS) -> Path:
    """Write records as a graded class."""
    for i, made in enumerate(records):
        name = made.name if made.name.isalnum() else f"evil #{i}?<b>"
        (folder / name).mkdir(parents=True)
        (folder / name / RECORD).write_text(json.dumps(made.to_dict()), "utf-8")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Tags(HTMLParser):
    """The elements and the attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_file_is_written(tmp_path: Path) -> None:
    assert report(graded(tmp_path)) == tmp_path / "class.html"
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        "class.html",
        "class.csv",
        "mistakes.csv",
        "rubric.csv",
    }
    for folder in filter(Path.is_dir, tmp_path.iterdir()):
        assert {path.name for path in folder.iterdir()} == {RECORD, "report.html", "report.txt"}


def test_the_students_text_says_what_was_right_and_where_it_went_wrong() -> None:
    text = student.text(PART, {})
    assert text.splitlines()[:3] == ["Layers by hand: ben", "", "1 of 5 points."]
    assert "Task 1.1 affine, forward: 1 of 2\n  ✓ no bias (1 of 1)\n  ✗ one example (0 of 1, hidden)\n" in text
    assert "      output 1 is wrong at [0, 1]: 2.5 instead of 3.5 (1.2/0)\n      Hint: Compare" in text
    assert "An exception at top level: cell 3, line 12: NameError: q" in text
    assert "  Why? the reason: up to 1.5, not graded yet" in text
    assert "secret" not in text
    assert student.text(BROKEN, {}) == "Layers by hand: dan\n\nNot gradable: line 12: invalid syntax\n"


@pytest.mark.parametrize("causes", ["always", "on request", "never"])
def test_the_students_page_says_the_cause_where_the_assignment_allows_it(causes: str) -> None:
    text = student.page_of(replace(PART, causes=causes), {})
    assert ("The bias is not added." in text) is (causes != "never")
    assert ("<details open>" in text) is (causes == "always")
    assert ("<details >" in text) is (causes == "on request")
    assert ("The bias" in student.text(replace(PART, causes=causes), {})) is (causes != "never")
    assert text.count("data:image/svg+xml;base64,") == 1


def test_pages_hold_nothing_of_a_record_but_text(tmp_path: Path) -> None:
    """Only elements that the page itself writes, balanced, with attributes of its own."""
    report(graded(tmp_path))
    for path in tmp_path.rglob("*.html"):
        text = path.read_text("utf-8")
        tags = Tags(text)
        assert not tags.open
        for tag, attributes in tags.found:
            assert tag != "b" and not any(name.startswith("on") for name in attributes), path
            assert "1+1" not in attributes
        assert text.count("<script") == 2
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
        assert "http" not in text.replace("http-equiv", "")
    page = (tmp_path / "class.html").read_text("utf-8")
    for link in re.findall('href="([^"]*)"', page):
        assert (tmp_path / unquote(link)).exists()


def test_the_teachers_tables(tmp_path: Path) -> None:
    report(graded(tmp_path))
    by_name = {row["name"]: row for row in rows(tmp_path / "class.csv")}
    assert len(by_name) == len(CLASS)
    assert (by_name["ben"]["score"], by_name["ben"]["points"], by_name["ben"]["task 1.1"]) == ("1", "7", "1")
    assert by_name["ben"]["mistakes"] == "bias forgotten"
    assert by_name["ben"]["help"] == "20% of the points; nothing in task 1.2"
    assert by_name["ada"]["help"] == ""
    assert by_name["eve"]["help"] == "Not gradable: there is no file eve.py"
    assert (by_name["dan"]["status"], by_name["dan"]["score"]) == ("not gradable", "")
    assert any(name.startswith("'=cmd") for name in by_name)
    made = rows(tmp_path / "mistakes.csv")
    assert [(row["task"], row["mistake"], row["students"], row["names"]) for row in made[1:]] == [
        ("1.1", "bias forgotten", "1", "ben"),
        ("1.2", "bias forgotten", "1", "ben"),
    ]


def test_the_common_mistake_comes_first_and_counts_a_student_once() -> None:
    two = [record(name, FAILED, FAILED, PASSED, PASSED) for name in ("x", "y")]
    made = teacher.mistakes([*two, PART])
    assert [(m.task, m.students) for m in made] == [("1.1", ["ben", "x", "y"]), ("1.2", ["ben"])]


def test_the_teachers_page_counts_students(tmp_path: Path) -> None:
    page = report(graded(tmp_path, [GOOD, PART, TROUBLE, BROKEN, MISSING])).read_text("utf-8")
    assert "5 submissions: 3 graded, 1 not gradable, 1 missing. Mean 40%, median 20%." in page
    assert "6 criteria wait for a person" in page
    distribution = re.findall(r'<td class="number">(\d+) to \d+ %</td><td class="number">(\d+)</td>', page)
    assert [(low, n) for low, n in distribution if n != "0"] == [("90", "1"), ("20", "1"), ("0", "1")]
    order = re.search("Who needs help.*?</section>", page, re.DOTALL)
    assert order is not None
    assert re.findall(r'/report.html">(\w+)</a>', order[0]) == ["dan", "eve", "cleo", "ben"]


def test_points_by_hand_are_kept_and_counted(tmp_path: Path) -> None:
    graded(tmp_path, [GOOD, PART, BROKEN])
    report(tmp_path)
    sheet = rows(tmp_path / "rubric.csv")
    assert [(row["name"], row["criterion"], row["points"], row["given"]) for row in sheet] == [
        ("ada", "the reason", "1.5", ""),
        ("ada", "the wording", "0.5", ""),
        ("ben", "the reason", "1.5", ""),
        ("ben", "the wording", "0.5", ""),
    ]
    text = (tmp_path / "rubric.csv").read_text("utf-8")
    (tmp_path / "rubric.csv").write_text(text.replace("ben,2,Why?,the reason,1.5,", "ben,2,Why?,the reason,1.5,1.25"))
    for _ in range(2):
        report(tmp_path)
        assert rows(tmp_path / "rubric.csv")[2]["given"] == "1.25"
        assert {row["name"]: row["by hand"] for row in rows(tmp_path / "class.csv")}["ben"] == "1.25"
        assert "Why? the reason: 1.25 of 1.5" in (tmp_path / "ben" / "report.txt").read_text("utf-8")
        assert '<strong class="number">2.25 of 6.5</strong> points, and up to 0.5 by hand' in (
            tmp_path / "ben" / "report.html"
        ).read_text("utf-8")


def test_a_roster_is_filled_with_all_points(tmp_path: Path) -> None:
    graded(tmp_path / "out", [GOOD, PART, BROKEN])
    (tmp_path / "moodle.csv").write_text("Email address\nada\ndan\nzoe\n")
    report(tmp_path / "out")
    sheet = tmp_path / "out" / "rubric.csv"
    sheet.write_text(sheet.read_text("utf-8").replace("ada,2,Why?,the reason,1.5,", "ada,2,Why?,the reason,1.5,1"))
    report(tmp_path / "out", tmp_path / "moodle.csv", "Email address")
    filled = (tmp_path / "out" / "gradebook.csv").read_text("utf-8")
    assert filled == "Email address,Layers by hand\nada,6\ndan,\nzoe,\n"
    with pytest.raises(ValueError, match="no column 'login'"):
        report(tmp_path / "out", tmp_path / "moodle.csv", "login")


@pytest.mark.parametrize("cell", ["2", "-1", "many", "nan", "inf"])
def test_points_by_hand_must_be_points(cell: str, tmp_path: Path) -> None:
    report(graded(tmp_path, [GOOD]))
    text = (tmp_path / "rubric.csv").read_text("utf-8")
    (tmp_path / "rubric.csv").write_text(text.replace("the reason,1.5,", f"the reason,1.5,{cell}"))
    with pytest.raises(ValueError, match=r"rubric.csv, line 2: given must be a number from 0 to 1.5 for ada, task 2"):
        report(tmp_path)


def test_hostile_rubrics_survive_the_sheet(tmp_path: Path) -> None:
    report(graded(tmp_path, [EVIL]))
    (tmp_path / "rubric.csv").write_text((tmp_path / "rubric.csv").read_text("utf-8").replace(",1,\n", ",1,0.5\n"))
    report(tmp_path)
    assert [row["given"] for row in rows(tmp_path / "rubric.csv")] == ["0.5"]


def test_the_same_class_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder, records in (("a", CLASS[:5]), ("b", CLASS[4::-1])):
        report(graded(tmp_path / folder, records))
    for path in (tmp_path / "a").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes(), path.name


def test_an_empty_folder_and_a_broken_record_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no graded submission"):
        report(tmp_path)
    graded(tmp_path, [GOOD])
    (tmp_path / "ada" / RECORD).write_text('{"name": "ada"}')
    with pytest.raises(ValueError, match="is no record of this version"):
        report(tmp_path)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_pages_are_readable_from_disk(browser: Any, tmp_path: Path, scheme: str, width: int) -> None:
    report(graded(tmp_path))
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    scheme_of = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme_of)
    pages = sorted(tmp_path.rglob("*.html"))
    for path in pages:
        browser.get(path.as_uri())
        wide = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], f"{path} scrolls sideways"
        paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
        loaded = browser.execute_script("return [...document.images].map(i => i.complete && i.naturalWidth > 0)")
        assert all(loaded)
    browser.get((tmp_path / "class.html").as_uri())
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    wide = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    assert feedback.cleaned(EVIL).name in browser.find_element("tag name", "main").text
    browser.find_element("link text", "ben").click()
    assert "Task" not in browser.title and browser.title == "Layers by hand: ben"
    assert HOSTILE[:8] not in browser.execute_script("return [...document.scripts].map(s => s.src).join()")
