"""Cells and marks: what is read, and every way in which marks can be wrong, with its line."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.course.marks import HIDDEN, SOLUTION, SourceError, normalize, read


def problems(text):
    with pytest.raises(SourceError) as caught:
        read(normalize(text))
    return caught.value.problems


def one(text):
    ((line, said),) = problems(text)
    return line, said


def blocks(text):
    return read(normalize(text))[1]


def test_cells_have_kinds_and_lines():
    cells, _ = read(
        "import math\n\n# %% [markdown]\n# # Title\n# Text\n\n# %% A name\nx = 1\n# %%\n# %% [raw]\n# r\n", "a.py"
    )
    assert [(cell.kind, cell.line, cell.first, cell.last) for cell in cells] == [
        ("code", 0, 1, 2),
        ("markdown", 3, 4, 6),
        ("code", 7, 8, 8),
        ("code", 9, 10, 9),
        ("raw", 10, 11, 11),
    ]
    assert cells[2].title == "A name"


def test_a_cell_marker_in_a_string_or_indented_is_none():
    cells, _ = read('"""\n# %%\n"""\nif 1:\n    # %%\n    x = 1\n')
    assert len(cells) == 1


@pytest.mark.parametrize("hashes", ["#", "##", "### ", "#### ", "# ## "])
def test_marks_in_all_their_spellings(hashes):
    (block,) = blocks(f"def f():\n    {hashes}BEGIN SOLUTION\n    return 1\n    {hashes}END SOLUTION\n")
    assert (block.kind, block.begin, block.end, block.first, block.last) == (SOLUTION, 2, 4, 3, 3)
    assert (block.indent, block.role, block.task) == ("    ", "core", "")


@pytest.mark.parametrize("role", ["role=scaffold", 'role="scaffold"', "role='scaffold'"])
def test_a_role_and_a_task(role):
    (block,) = blocks(f"# BEGIN SOLUTION task=2.3 {role}\nx = 1\n# END SOLUTION")
    assert (block.role, block.task) == ("scaffold", "2.3")
    assert [block.stripped(tier) for tier in ("core", "scaffold", "challenge")] == [False, True, False]


def test_what_each_tier_strips():
    text = "".join(f"# BEGIN SOLUTION role={r}\nx = 1\n# END SOLUTION\n" for r in ("core", "challenge", "instructor"))
    core, challenge, instructor = blocks(text)
    tiers = ("core", "scaffold", "challenge")
    assert [core.stripped(tier) for tier in tiers] == [True, True, False]
    assert [challenge.stripped(tier) for tier in tiers] == [False, False, True]
    assert [instructor.stripped(tier) for tier in tiers] == [True, True, True]


def test_the_line_form():
    simple, several, returned = blocks(
        "x = 1  # SOLUTION\ny = [\n    1,\n]  # SOLUTION task=2\ndef f():\n    return 1  ### SOLUTION NO PROMPT\n"
    )
    assert (simple.first, simple.last, simple.target, simple.stub) == (1, 1, "x", True)
    assert (several.first, several.last, several.target, several.task) == (2, 4, "y", "2")
    assert (returned.first, returned.indent, returned.target, returned.stub) == (6, "    ", "", False)


def test_a_prompt_of_otter():
    solution, prompt = blocks(
        '# BEGIN SOLUTION NO PROMPT\nx = 1\n# END SOLUTION\n""" # BEGIN PROMPT\nx = ...\n""" # END PROMPT\n'
    )
    assert not solution.stub
    assert (prompt.kind, prompt.begin, prompt.first, prompt.last, prompt.end) == ("PROMPT", 4, 5, 5, 6)


def test_a_written_answer_is_a_solution_in_a_markdown_cell():
    (block,) = blocks("# %% [markdown]\n# Why?\n#\n# ### BEGIN SOLUTION\n# Because.\n# ### END SOLUTION\n")
    assert block.markdown and (block.first, block.last) == (5, 5)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("# BEGIN SOLUTION\nx = 1", 1, "no END SOLUTION"),
        ("x = 1\n# END SOLUTION", 2, "no BEGIN SOLUTION"),
        ("# BEGIN SOLUTION\n# END SOLUTION", 1, "empty"),
        ("# BEGIN SOLUTION\n\n# only a comment\n# END SOLUTION", 1, "empty"),
        ("def f():\n    # BEGIN SOLUTION\n    pass\n    # END SOLUTION", 2, "empty"),
        ("# BEGIN HIDDEN TESTS\n# END HIDDEN TESTS", 1, "empty"),
        ("# BEGIN TESTS\n\n# END TESTS", 1, "empty"),
        ("# %% [markdown]\n# ### BEGIN SOLUTION\n#\n# ### END SOLUTION", 2, "empty"),
        ("# BEGIN SOLUTION\nx = 1\n# %%\ny = 2\n# END SOLUTION", 5, "crosses a cell"),
        ("x = 1  # BEGIN SOLUTION\ny = 2\n", 1, "its own line"),
        ("# BEGIN SOLUTION rolle=core\nx = 1\n# END SOLUTION", 1, "not understood"),
        ("# BEGIN SOLUTION role=easy\nx = 1\n# END SOLUTION", 1, "none of"),
        ("# BEGIN SOLUTION role=core role=core\nx = 1\n# END SOLUTION", 1, "twice"),
        ("# BEGIN TESTS role=core\nx = 1\n# END TESTS", 1, "takes no words"),
        ("# BEGIN SOLUTION\nx = 1\n# END SOLUTION role=core", 3, "takes no words"),
        ("x = [\n    # BEGIN SOLUTION NO PROMPT\n    1,\n    # END SOLUTION\n]", 2, "inside the statement of line 1"),
        ("# BEGIN SOLUTION\nx = [\n    # END SOLUTION\n    1,\n]", 3, "inside the statement of line 2"),
        ('s = """\n# BEGIN SOLUTION\n"""\n', 2, "inside a string"),
        ("# SOLUTION\nx = 1", 1, "behind the line"),
        ("if 1: x = 1  # SOLUTION", 1, "no whole statement"),
        ("for i in []:  # SOLUTION\n    pass", 1, "no whole statement"),
        ("x = 1  # Solution", 1, "write # SOLUTION"),
        ("# BEGIN PROMPT\nx = 1", 1, "a prompt is written"),
        ("x = (\n", 1, "never closed"),
        ("def f():\nreturn 1", 2, "expected an indented block"),
        ("return 1", 1, "outside function"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, line, said):
    found = problems(text)
    assert any(at == line and said in words for at, words in found), found


@pytest.mark.parametrize(
    "mark",
    [
        "# BEGIN SOLUTON", "# BEGIN  SOLUTIONS", "#begin solution", "### Begin Solution", "# BEGIN_SOLUTION",
        "# BEGIN HIDDEN TEST", "# END HIDDENTESTS", "# BEGIN TEST", "# END SOLUTIO", "# End solution ###",
        "# begin solution role=core",
    ],
)  # fmt: skip
def test_a_misspelled_mark_is_an_error_and_not_a_comment(mark):
    line, said = one(f"x = 1\n{mark}\ny = 2")
    assert line == 2 and "is not a mark: write # " in said


@pytest.mark.parametrize(
    "comment",
    ["# begin with the sum", "# End of the solution", "# the solution", "# BEGIN", "# END OF FILE", "# tests"],
)
def test_comments_that_are_no_marks(comment):
    assert blocks(f"{comment}\nx = 1  {comment}\n") == []


def test_nested_and_overlapping_blocks_have_the_lines_of_both():
    nested = problems("# BEGIN SOLUTION\n# BEGIN SOLUTION\nx = 1\n# END SOLUTION\n# END SOLUTION")
    assert nested[0][0] == 2 and "line 1" in nested[0][1] and "do not nest" in nested[0][1]
    crossed = problems("# BEGIN SOLUTION\nx = 1\n# BEGIN HIDDEN TESTS\ny = 2\n# END SOLUTION\n# END HIDDEN TESTS")
    assert any(line == 5 and "overlaps BEGIN HIDDEN TESTS of line 3" in said for line, said in crossed)


def test_all_problems_are_said_at_once():
    text = "# END SOLUTION\nx = 1\n# BEGIN TESTS\ny = 2\n# BEGIN SOLUTON\n"
    assert [line for line, _ in problems(text)] == [1, 3, 5]


def test_other_line_ends_and_a_byte_order_mark():
    (block,) = blocks("\ufeff# BEGIN SOLUTION\r\nx = 1\r\n# END SOLUTION\r\n")
    assert (block.begin, block.end) == (1, 3)


MARKS = ["# BEGIN SOLUTION", "# END SOLUTION", "# BEGIN HIDDEN TESTS", "# END HIDDEN TESTS", "x = 1", "# %%", ""]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(MARKS), max_size=9))
def test_marks_are_blocks_exactly_where_they_alternate(lines):
    """A plain automaton over the lines agrees with the reader."""
    text = "\n".join(lines) + "\n"
    good, current, count, code = True, None, 0, False
    for line in lines:
        if line.startswith("# BEGIN"):
            good &= current is None
            current, code = line.removeprefix("# BEGIN "), False
        elif line.startswith("# END"):
            good &= current == line.removeprefix("# END ") and code
            current = None
            count += 1
        elif line == "# %%":
            good &= current is None
        code |= line == "x = 1"
    if good and current is None:
        assert [block.kind in (SOLUTION, HIDDEN) for block in blocks(text)] == [True] * count
    else:
        assert all(line >= 1 for line, _ in problems(text))


def test_blocks_of_a_text_are_disjoint_and_cover_their_marks():
    text = "\n".join(itertools.chain.from_iterable(("# BEGIN TESTS", "x = 1", "# END TESTS") for _ in range(4)))
    assert [(block.begin, block.end) for block in blocks(text)] == [(1, 3), (4, 6), (7, 9), (10, 12)]
