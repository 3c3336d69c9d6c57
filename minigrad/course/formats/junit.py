"""JUnit XML, which continuous integration shows as a table of tests.

Source: https://github.com/testmoapp/junitxml (the common elements and attributes). A task is a test suite, a check a
test case. A wrong answer is a `failure`; an exception, a time limit and a check that did not run are an `error`.
Nothing is `skipped`, because a skipped test does not fail a run.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from minigrad.course.formats import feedback
from minigrad.course.record import BLANK, FAILED, Record

FILE = "junit.xml"


def render(record: Record) -> str:
    """Return the text of `junit.xml`."""
    root = Element("testsuites", name=record.title)
    if record.gradable:
        for task in record.tasks:
            suite = SubElement(root, "testsuite", name=f"{task.number} {task.title}")
            for check in record.of_task(task.number):
                case = SubElement(suite, "testcase", classname=record.assignment, name=check.name)
                properties = SubElement(case, "properties")
                SubElement(properties, "property", name="points", value=feedback.number(check.points))
                SubElement(properties, "property", name="earned", value=feedback.number(check.earned))
                if not feedback.passed(check):
                    text = feedback.of_check(record, check)
                    kind = "failure" if check.status in (FAILED, BLANK) else "error"
                    wrong = SubElement(case, kind, message=text.split("\n")[0], type=check.status)
                    wrong.text = text
    else:
        suite = SubElement(root, "testsuite", name="the submission can be graded")
        case = SubElement(suite, "testcase", classname=record.assignment, name=record.name)
        SubElement(case, "error", message=feedback.problem(record), type="not gradable")
    for counted in (root, *root):
        for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            counted.set(attribute, str(sum(1 for _ in counted.iter(tag))))
        counted.set("skipped", "0")
        counted.set("time", "0")  # a record has no times
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'
