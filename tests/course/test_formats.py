"""Each format has the fields that its platform reads, whatever a record holds."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import unittest
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from record_samples import BROKEN, CLASS, EVIL, EVIL_BROKEN, GOOD, HOSTILE, MISSING, PART, TROUBLE, record

from minigrad.course import CheckResult, Record
from minigrad.course.formats import (
    FORMATS,
    check_names,
    classroom50,
    feedback,
    gradebook,
    render,
    write,
    write_gradebook,
)
from minigrad.course.record import PASSED, STATUSES

NUMBER = (int, float)
each_record = pytest.mark.parametrize("given", CLASS, ids=lambda r: r.name[:6].encode("ascii", "replace").decode())


def test_names_of_formats_are_checked() -> None:
    assert check_names(["gradescope, csv", "gradescope"]) == ("gradescope", "csv")
    for wrong in ("gradescop", "", "gradescope,,csv"):
        with pytest.raises(ValueError, match="the formats are gradescope, classroom50, junit"):
            check_names([wrong])


@each_record
def test_a_record_survives_json(given: Record) -> None:
    assert Record.from_dict(json.loads(json.dumps(given.to_dict()))) == given


@each_record
def test_files_have_names_of_their_own_and_are_the_same_bytes_each_time(given: Record, tmp_path: Path) -> None:
    paths = write(given, [*FORMATS, "csv"], tmp_path)
    assert len({path.name for path in paths}) == len(FORMATS)
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write(given, FORMATS, tmp_path)] == first
    for content in first:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", content.decode())


# What https://gradescope-autograders.readthedocs.io/en/latest/specs/ allows: a type, or the values.
TEXTS = {"text", "html", "simple_format", "md", "ansi"}
SEEN = {"hidden", "after_due_date", "after_published", "visible"}
OF_RESULTS: dict[str, Any] = {
    "score": NUMBER, "execution_time": NUMBER, "output": str, "output_format": TEXTS, "test_output_format": TEXTS,
    "test_name_format": TEXTS, "visibility": SEEN, "stdout_visibility": SEEN, "extra_data": dict, "tests": list,
    "leaderboard": list,
}  # fmt: skip
OF_TEST: dict[str, Any] = {
    "score": NUMBER, "max_score": NUMBER, "status": {"passed", "failed"}, "name": str, "name_format": TEXTS,
    "number": str, "output": str, "output_format": TEXTS, "tags": list, "visibility": SEEN, "extra_data": dict,
}  # fmt: skip


def assert_fits(data: dict[str, Any], fields: dict[str, Any]) -> None:
    for key, value in data.items():
        assert key in fields
        allowed = fields[key]
        assert value in allowed if isinstance(allowed, set) else isinstance(value, allowed), (key, value)


@each_record
def test_gradescope_fits_the_specification(given: Record) -> None:
    results = json.loads(render(given, "gradescope"))
    assert_fits(results, OF_RESULTS)
    for test in results["tests"]:
        assert_fits(test, OF_TEST)
        assert {"status", "name", "score", "max_score", "visibility", "output_format"} <= set(test)
    assert len({test["number"] for test in results["tests"]}) == len(results["tests"])


def test_what_gradescope_utils_writes_fits_the_same_specification() -> None:
    """The table above is that of the platform: its own runner keeps to it, and writes no field of another name."""
    runner = pytest.importorskip("gradescope_utils.autograder_utils.json_test_runner")
    decorators = pytest.importorskip("gradescope_utils.autograder_utils.decorators")

    class Tests(unittest.TestCase):
        @decorators.weight(2)
        @decorators.number("1.1")
        @decorators.visibility("after_published")
        def test_right(self) -> None:
            """A check."""

        @decorators.weight(1)
        def test_wrong(self) -> None:
            self.fail("wrong")

    written = io.StringIO()
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Tests)
    runner.JSONTestRunner(visibility="visible", stdout_visibility="hidden", stream=written).run(suite)
    results = json.loads(written.getvalue())
    assert_fits({key: value for key, value in results.items() if key != "execution_time"}, OF_RESULTS)
    ours = json.loads(render(PART, "gradescope"))["tests"][0]
    for test in results["tests"]:
        assert_fits(test, OF_TEST)
        assert set(test) - {"tags"} <= set(ours)


@pytest.mark.parametrize("status", STATUSES)
def test_only_a_passed_check_passes_anywhere(status: str) -> None:
    given = record("x", status, status, status, status)
    right = status == PASSED
    tests = json.loads(render(given, "gradescope"))["tests"]
    assert {test["status"] for test in tests} == {"passed" if right else "failed"}
    assert {test["passed"] for test in json.loads(classroom50.render(given, {}))["tests"]} == {right}
    suites = ElementTree.fromstring(render(given, "junit"))
    assert int(suites.attrib["failures"]) + int(suites.attrib["errors"]) == (0 if right else 4)
    assert suites.attrib["tests"] == "4" and suites.attrib["skipped"] == "0"
    assert render(given, "markdown").count("✗") == (0 if right else 4)
    shown = json.loads(render(given, "autolab").splitlines()[-2])
    assert {check["passed"] for name in shown["stages"] for check in shown[name].values()} == {right}
    assert (json.loads(render(given, "prairielearn"))["score"] == 1.0) is right
    assert render(given, "codegrade") == f'{{"tag": "points", "points": "{15 if right else 0}/15"}}\n'


def test_a_check_of_no_points_has_a_status_too() -> None:
    free = CheckResult("1", "1/0", "a", False, 0.0, 0.0, "failed")
    (test,) = json.loads(render(replace(GOOD, checks=(free,)), "gradescope"))["tests"]
    assert (test["status"], test["max_score"]) == ("failed", 0.0)


def test_hidden_checks_are_shown_after_publication_and_elsewhere_not_explained() -> None:
    tests = json.loads(render(PART, "gradescope"))["tests"]
    assert [test["visibility"] for test in tests] == ["visible", "after_published", "visible", "visible"]
    assert "1.1/1" in tests[1]["output"]
    for name in FORMATS.keys() - {"gradescope"}:
        assert "1.1/1" not in render(PART, name), name


def test_what_a_submission_printed_is_in_no_format() -> None:
    for name in FORMATS:
        assert "secret" not in render(PART, name)
    assert "secret" not in gradebook.table([PART])


@pytest.mark.parametrize("causes", ["always", "on request", "never"])
def test_a_cause_is_said_where_the_assignment_allows_it(causes: str) -> None:
    given = replace(PART, causes=causes)
    tests = json.loads(render(given, "gradescope"))["tests"]
    assert ["The bias is not added." in test["output"] for test in tests] == {
        "always": [False, True, True, False],
        "on request": [False, True, False, False],
        "never": [False, False, False, False],
    }[causes]
    assert ("The bias is not added." in render(given, "junit")) is (causes == "always")
    assert "Hint: Compare with the formula" in render(given, "junit")


@pytest.mark.parametrize(("given", "why"), [(BROKEN, "line 12: invalid syntax"), (MISSING, "there is no file eve.py")])
def test_what_is_not_gradable_is_no_attempt_at_zero(given: Record, why: str) -> None:
    results = json.loads(render(given, "gradescope"))
    assert (results["score"], results["tests"]) == (0, [])
    assert results["output"].startswith(f"Not gradable: {why}")
    assert results["extra_data"]["gradable"] is False
    assert json.loads(render(given, "prairielearn")) == {"gradable": False, "format_errors": [f"Not gradable: {why}"]}
    result = json.loads(classroom50.render(given, {}))
    assert (result["score"], result["max-score"]) == (0, 5) and not result["tests"][0]["passed"]
    assert ElementTree.fromstring(render(given, "junit")).attrib["errors"] == "1"
    assert f"Not gradable\\: {why.replace('.', chr(92) + '.').replace(':', chr(92) + ':')}" in render(given, "markdown")
    assert json.loads(render(given, "autolab").splitlines()[-1]) == {"scores": {}}
    assert json.loads(render(given, "codegrade"))["points"] == "0/5"
    (row,) = csv.DictReader(io.StringIO(gradebook.table([given])))
    assert (row["status"], row["score"], row["points"]) == ("missing" if given.missing else "not gradable", "", "5")


def test_classroom50_has_its_fields_and_integers() -> None:
    runner = {
        "CLASSROOM": "cs", "ASSIGNMENT": "layers", "OWNER": "ben", "ASSIGNMENT_TYPE": "individual",
        "SUBMISSION_TAG": "submit/2026-06-01T14-32-05Z-a1b2c3d",
        "COMMIT_URL": "https://c", "RELEASE_URL": "https://r", "REVIEW_URL": "https://v",
    }  # fmt: skip
    for given, environment in itertools.product(CLASS, ({}, runner)):
        result = json.loads(classroom50.render(feedback.cleaned(given), environment))
        assert set(result) == {
            "schema", "classroom", "assignment", "assignment_type", "owner", "submission", "commit", "release",
            "review", "datetime", "score", "max-score", "tests",
        }  # fmt: skip
        assert result["schema"] == "classroom50/result/v1"
        assert all(
            isinstance(result[key], str) and result[key] for key in set(result) - {"score", "max-score", "tests"}
        )
        assert result["submission"].startswith("submit/")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", result["datetime"])
        assert (result["classroom"] == "cs") is bool(environment)
        for part in (result, *result["tests"]):
            assert type(part["score"]) is type(part["max-score"]) is int
            assert 0 <= part["score"] <= part["max-score"]
        assert result["max-score"] == sum(test["max-score"] for test in result["tests"])
    result = json.loads(classroom50.render(PART, runner))
    assert (result["datetime"], result["score"], result["max-score"]) == ("2026-06-01T14:32:05Z", 3, 15)


def test_points_become_integers_in_the_same_proportion() -> None:
    assert feedback.integers(GOOD) == ([(3, 3), (3, 3), (8, 8), (1, 1)], 3)
    odd = tuple(CheckResult("1", f"1/{i}", "", False, 1 / p, 1 / p, PASSED) for i, p in enumerate((997, 991, 983, 977)))
    scores, scale = feedback.integers(replace(GOOD, checks=odd))
    assert scale <= 10**6 and all(0 < earned == points for earned, points in scores)


def test_junit_is_read_as_it_was_written() -> None:
    suites = ElementTree.fromstring(render(EVIL, "junit"))
    (case,) = suites.iter("testcase")
    assert case.attrib["name"].startswith("<script>alert(1)</script>|`*]]>")
    suites = ElementTree.fromstring(render(TROUBLE, "junit"))
    assert [child.tag for case in suites.iter("testcase") for child in case if child.tag != "properties"] == [
        "error"
    ] * 4
    assert [suite.attrib["tests"] for suite in suites] == ["2", "2", "0"]
    suites = ElementTree.fromstring(render(PART, "junit"))
    assert (suites.attrib["failures"], suites.attrib["errors"]) == ("3", "0")


def test_junit_is_read_by_junitparser() -> None:
    junitparser = pytest.importorskip("junitparser")
    for given in CLASS:
        suites = junitparser.JUnitXml.fromstring(render(given, "junit").encode())
        cases = [case for suite in suites for case in suite]
        assert len(cases) == max(len(given.checks), 1)
        assert sum(case.is_passed for case in cases) == sum(map(feedback.passed, given.checks))


def test_markdown_shows_hostile_texts_as_they_are() -> None:
    text = render(EVIL, "markdown")
    fence = re.search(r"^(`{5,})text$", text, re.MULTILINE)
    assert fence is not None, "the fence is no longer than the one in the text"
    outside = re.sub(r"^(`{3,})text$.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"(?<!\\)[<`*]", outside.replace("**0 of 1 points**", ""))
    rows = [line for line in outside.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}
    assert "by hand: 1" in text


def test_a_long_class_of_wrong_answers_fits_the_limits() -> None:
    wrong = tuple(
        replace(PART.checks[2], key=f"1.2/{i}", message="x" * 50_000, picture="<svg>" + "y" * 50_000 + "</svg>")
        for i in range(30)
    )
    given = replace(PART, checks=wrong, cells=("z" * 1000,) * 1000)
    assert len(render(given, "markdown").encode()) < 1 << 20
    small = tuple(replace(check, message="wrong") for check in wrong)
    text = render(replace(given, checks=small), "prairielearn")
    tests = json.loads(text)["tests"]
    assert len(text.encode()) <= 1_000_000
    assert "images" in tests[0] and "images" not in tests[-1]


@each_record
def test_prairielearn_has_its_fields(given: Record) -> None:
    result = json.loads(render(given, "prairielearn"))
    if given.gradable:
        assert 0.0 <= result["score"] <= 1.0 and result["gradable"] is True
        for test in result["tests"]:
            assert set(test) <= {"name", "description", "points", "max_points", "message", "output", "images"}
            assert all(image["url"].startswith("data:image/svg+xml;base64,") for image in test.get("images", []))
    else:
        assert set(result) == {"gradable", "format_errors"}


def test_autolab_ends_with_the_autoresult() -> None:
    *_, shown, scores = render(PART, "autolab").splitlines()
    assert json.loads(scores) == {"scores": {"Task 1.1": 1.0, "Task 1.2": 0}}
    assert json.loads(shown)["Task 1.1"]["1. no bias"] == {"passed": True}
    assert json.loads(render(EVIL, "autolab").splitlines()[-1]) == {"scores": {"Task 1": 0}}


def test_the_gradebook_has_a_row_for_each_name_in_any_order() -> None:
    text = gradebook.table(CLASS, "SIS Login ID")
    assert gradebook.table(reversed(CLASS), "SIS Login ID") == text
    rows = list(csv.DictReader(io.StringIO(text)))
    by_name = {row["SIS Login ID"]: row for row in rows}
    assert len(rows) == len(CLASS)
    assert (by_name["ben"]["score"], by_name["ben"]["points"], by_name["ben"]["task 1.2"]) == ("1", "5", "0")
    assert by_name["ben"]["task 2"] == "" and by_name["ben"]["by hand"] == "2"
    assert (by_name["dan"]["score"], by_name["dan"]["problem"]) == ("", "line 12: invalid syntax")
    assert (by_name["dan"]["due"], by_name["dan"]["late days"]) == ("2026-12-01T12:00:00+01:00", "0")
    assert by_name["ben"]["due"] == by_name["ben"]["late days"] == ""
    assert by_name["eve"]["status"] == "missing"


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", "\t=1", " =1", "\n+1", "＝1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    ((read,),) = csv.reader(io.StringIO(gradebook.to_csv([[cell]]), newline=""))
    assert read == "'" + cell.replace("\r", " ")
    assert next(csv.reader(io.StringIO(gradebook.table([EVIL_BROKEN]).split("\n", 1)[1])))[0].startswith("'=cmd")


@pytest.mark.parametrize("cell", ["ada", "a=b", "1-2", "", "2.5"])
def test_other_cells_stay(cell: str) -> None:
    assert next(csv.reader(io.StringIO(gradebook.to_csv([[cell, "x"]])))) == [cell, "x"]


def test_a_table_of_canvas_or_moodle_is_filled() -> None:
    canvas = (
        "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Layers by hand (77)\n"
        "    Points Possible,,,,,5\n"
        '"Lovelace, Ada",1,s1,ada,A,\n"B., Ben",2,s2,ben,A,\n"D., Dan",3,s3,dan,A,4\n"Z., Zoe",4,s4,zoe,A,\n'
    )
    scores = {made.name: gradebook.score(made) for made in CLASS if made.gradable}
    rows = list(csv.reader(io.StringIO(gradebook.filled(canvas, scores, "SIS Login ID", "Layers by hand"))))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Layers by hand (77)"]
    assert [row[-1] for row in rows[1:]] == ["5", "5", "1", "4", ""]
    assert rows[2][:5] == ["Lovelace, Ada", "1", "s1", "ada", "A"]
    moodle = "First name,Email address\nAda,ada\nZoe,zoe\n"
    filled = gradebook.filled(moodle, scores, "Email address", "Layers by hand")
    assert filled == "First name,Email address,Layers by hand\nAda,ada,5\nZoe,zoe,\n"
    with pytest.raises(ValueError, match="no column 'login'; its columns are 'First name', 'Email address'"):
        gradebook.filled(moodle, scores, "login", "x")
    with pytest.raises(ValueError, match="empty"):
        gradebook.filled("", scores, "login", "x")


def test_the_gradebook_is_written(tmp_path: Path) -> None:
    path = write_gradebook([GOOD], tmp_path)
    assert path.name == "grades.csv"
    assert path.read_text("utf-8").splitlines()[1] == "ada,graded,5,5,2,3,,2,,,"


def test_hostile_names_stay_data() -> None:
    assert HOSTILE[:25] in json.loads(render(EVIL, "gradescope"))["tests"][0]["name"]
    output = json.loads(render(EVIL, "gradescope"))["tests"][0]["output"]
    assert "<script>" not in output and "&lt;script&gt;" in output
