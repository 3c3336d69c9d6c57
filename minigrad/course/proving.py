"""Prove that an assignment is sound: it can be solved, not without work, and each known mistake is named."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

import minigrad
from minigrad.course.assignment import Check, Mistake
from minigrad.course.formats import feedback
from minigrad.course.judging import Expectation, judge
from minigrad.course.leaks import leaks
from minigrad.course.marks import SOLUTION, TIERS, SourceError
from minigrad.course.publishing import texts
from minigrad.course.record import BLANK
from minigrad.course.released import Released
from minigrad.course.sandbox import Forks
from minigrad.course.source import Source, load
from minigrad.course.stripping import published, solution
from minigrad.course.submission import Graded, expectation, grade_one

MARGIN = 5
"""How much less than its limits the solution must need."""

_AGAIN = """import sys
from minigrad.course import load
from minigrad.course.proving import fingerprint
print(fingerprint(load(sys.argv[1])))"""


@dataclass
class Finding:
    """One thing to prove: what it is, and the problems with it, each with a line of the source or 0."""

    claim: str
    problems: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Proof:
    """What `prove` found: true as a bool if the assignment is sound; its text has what is not, with lines.

    Attributes:
        name: the file's name.
        findings: what was to be proved.
        unexercised: numbers of the tasks that no known mistake exercises.
        notes: what is said besides.
    """

    name: str
    findings: list[Finding] = field(default_factory=list)
    unexercised: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return not any(finding.problems for finding in self.findings)

    @property
    def problems(self) -> list[tuple[int, str]]:
        """All problems, each with its line or 0."""
        return [problem for finding in self.findings for problem in finding.problems]

    def __str__(self) -> str:
        lines = [self.name]
        for finding in self.findings:
            lines.append(f"  {'WRONG' if finding.problems else 'ok   '} {finding.claim}")
            lines += [f"          {f'line {line}: ' if line else ''}{said}" for line, said in finding.problems]
        lines += [f"  note  {note}" for note in self.notes]
        if self.unexercised:
            plural = "s" if len(self.unexercised) > 1 else ""
            lines.append(f"  note  no known mistake exercises task{plural} {', '.join(self.unexercised)}")
        return "\n".join([*lines, "The assignment is sound." if self else "The assignment is NOT sound."])


def prove(source: str | Path) -> Proof:
    """Prove that an assignment is sound.

    - A release holds no solution line and no hidden test, in any tier.
    - The solution gets full marks, and the blank version none.
    - Each known mistake loses points and is named correctly.
    - Hidden and visible checks agree on the solution, also as released.
    - The solution needs at most a fifth of the limits of time and memory.
    - Each task can be done without the others, but those that it says it needs.
    - Two runs give the same bytes.

    Args:
        source: the assignment's file, or its folder.

    Returns:
        A proof, which is true as a bool if all of this holds. It also lists the tasks that no known mistake exercises.

    Raises:
        SourceError: the source cannot be loaded or released: its marks are wrong, or it raises.
        OSError: it cannot be read.
    """
    loaded = load(source)
    for tier in _tiers(loaded):
        published(loaded, tier)  # what remains compiles, or the marks are wrong
    if sys.platform != "linux":  # a fork is safe where the process has one thread, and macOS's libraries start some
        return _Prover(loaded).prove()
    with Forks(loaded.assignment.limits, _imports(loaded), [loaded.path]) as forks:
        return _Prover(loaded, forks).prove()


def fingerprint(source: Source) -> str:
    """Return a digest of everything that a source gives: its releases, and the results of the solution."""
    made = {tier: texts(source, tier) for tier in _tiers(source)}
    return hashlib.sha256(json.dumps([made, _solve(source).record.to_dict()]).encode()).hexdigest()


def _imports(source: Source) -> list[str]:
    """Return the modules that a source imports, and names that may be modules."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return list(dict.fromkeys(found))


def _tiers(source: Source) -> list[str]:
    """Return the tiers that differ: core, and those for which a solution has their role."""
    roles = {block.role for block in source.blocks if block.kind == SOLUTION}
    return [tier for tier in TIERS if tier == "core" or tier in roles]


def _solve(source: Source) -> Graded:
    return grade_one(source, "solution", solution(source).encode())


class _Prover:
    """The claims, one method each."""

    def __init__(self, source: Source, forks: Forks | None = None) -> None:
        self.source, self.assignment, self.forks = source, source.assignment, forks
        self.proof = Proof(source.path.name)
        self.lines = {check.key: check.line for check in self.assignment.checks}
        self.numbers = [task.number for task in self.assignment.tasks]

    def add(self, claim: str, problems: Iterable[tuple[int, str]]) -> bool:
        """Add a finding; return whether it is proved."""
        self.proof.findings.append(Finding(claim, list(dict.fromkeys(problems))))
        return not self.proof.findings[-1].problems

    def prove(self) -> Proof:
        """Prove all claims; without a solution that works and a release, the others say nothing."""
        try:
            for check in self.assignment.checks:
                expectation(self.source, check, "solution")
            self.released = {tier: texts(self.source, tier) for tier in _tiers(self.source)}
        except SourceError as error:
            self.add("the solution answers each check", error.problems)
            return self.proof
        except TypeError as error:
            self.add("the solution answers each check", [(check.line, f"check {check.key} ({check.name}): {error}")])
            return self.proof
        self.no_leaks()
        self.solved = _solve(self.source)
        if not self.full_marks():
            return self.proof
        jobs = [self.blanks, self.mistakes, self.agreement, self.independence, self.margins, self.same_bytes]
        for job in jobs:
            job()
        return self.proof

    def grade(self, texts: list[str]) -> list[Graded]:
        """Grade several submissions."""

        def graded(text: str) -> Graded:
            return grade_one(self.source, "solution", text.encode(), forks=self.forks)

        with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
            return list(pool.map(graded, texts))

    def failures(self, graded: Graded, numbers: Iterable[str] | None = None) -> list[tuple[int, str]]:
        """Return what did not pass, of some tasks."""
        record = graded.record
        if not record.gradable:
            return [(0, f"not gradable: {record.problem}")]
        numbers = self.numbers if numbers is None else numbers
        return [
            (self.lines[check.key], f"check {check.key} ({check.name}): {check.message or check.status}")
            for check in record.checks
            if check.task in numbers and not feedback.passed(check)
        ]

    def no_leaks(self) -> None:
        """A release holds no solution line and no hidden test."""
        found = [leak for tier, files in self.released.items() for leak in leaks(self.source, files, tier)]
        problems = [(leak.where, str(leak)) for leak in found]
        self.add("a release holds no line of a solution and no hidden test", problems)

    def full_marks(self) -> bool:
        """The solution gets full marks."""
        record = self.solved.record
        problems = [(0, f"at top level, without the blocks of tests: {cell}") for cell in record.cells]
        return self.add(
            f"the solution gets {feedback.number(record.score)} of {feedback.number(record.points)} points",
            [*self.failures(self.solved), *problems],
        )

    def blanks(self) -> None:
        """The blank version gets no point, in each tier: where a tier strips nothing of a task, that is given."""
        problems = []
        tiers = _tiers(self.source)
        for tier, graded in zip(tiers, self.grade([published(self.source, tier)[0] for tier in tiers])):
            stripped = {
                task.number
                for block in self.source.blocks
                if block.kind == SOLUTION and block.stripped(tier) and (task := self.source.task_of(block))
            }
            of = "" if tier == "core" else f" of tier {tier}"
            for check in graded.record.checks:
                line, what = self.lines[check.key], f"check {check.key} ({check.name})"
                if check.earned and (tier == "core" or check.task in stripped):
                    points = feedback.number(check.points)
                    said = f"{what} passes on the blank version{of}: {points} points without work"
                    if check.task not in stripped:
                        said += f"; tier {tier} strips no solution of task {check.task}: give it points=0 or role=core"
                    problems.append((line, said))
                elif tier == "core" and check.points and not feedback.passed(check) and check.status != BLANK:
                    self.proof.notes.append(f"line {line}: on a blank, {what} says: {check.message}")
        self.add("the blank version gets no point", problems)

    def mistakes(self) -> None:
        """Each known mistake loses points and is named correctly."""
        known = [mistake for task in self.assignment.tasks for mistake in task.mistakes]
        problems: list[tuple[int, str]] = []
        submissions: list[tuple[Mistake, str]] = []
        for mistake in known:
            try:
                submissions.append((mistake, _submission(self.source, mistake)))
            except (SourceError, ValueError, LookupError) as error:
                problems.append((mistake.line, f"known mistake {mistake.name!r}: {error}"))
        exercised = set()
        for (mistake, _), graded in zip(submissions, self.grade([text for _, text in submissions])):
            lost = {check.task for check in graded.record.checks if check.earned < check.points}
            exercised |= lost
            said = _misnamed(mistake, graded)
            if said:
                problems.append((mistake.line, f"known mistake {mistake.name!r} of task {mistake.task}: {said}"))
        count, missed = self.catalogue()
        exercised |= {check.task for check in self.assignment.checks if count.get(check.key)}
        claim = f"each of {len(known)} known mistakes loses points and is named"
        total = sum(count.values())
        self.add(claim + (f", and {total} of the catalogue" if total else ""), [*problems, *missed])
        self.proof.unexercised = [t.number for t in self.assignment.tasks if t.checks and t.number not in exercised]

    def catalogue(self) -> tuple[dict[str, int], list[tuple[int, str]]]:
        """Judge each mistake of the catalogue, as far as a check has them; return how many by check, and problems."""
        count: dict[str, int] = {}
        problems: list[tuple[int, str]] = []
        for check in self.assignment.checks:
            expected = expectation(self.source, check, "solution")
            if check.gradient_of is not None:
                count[check.key] = self.gradients(check, expected, problems)
            for candidate, arrays in expected.candidates():
                if not candidate.catalogue:
                    continue
                alone = Expectation(expected.outputs, [(candidate, arrays)].copy, expected.inputs)
                found = judge(replace(check, may_write=True), {"outputs": len(arrays)}, arrays, alone)
                if feedback.passed(found):
                    continue  # these inputs do not show it
                count[check.key] = count.get(check.key, 0) + 1
                if not found.mistake:
                    problems.append((check.line, f"check {check.key}: the mistake {candidate.name!r} is not named"))
            if check.rule is not None and not count.get(check.key):
                said = f"no mistake of the catalogue of {check.rule!r} fits the solution"
                said += ": write it with the lecture's names, x, dx, learning_rate, …"
                problems.append((check.line, f"check {check.key}: {said}"))
        return count, problems

    def gradients(self, check: Check, expected: Expectation, problems: list[tuple[int, str]]) -> int:
        """Judge the two commonest wrong gradients; return how many are named, and add the problems."""
        named = 0
        for name, factor in (("wrong sign", -1), ("factor 2", 2)):
            wrong = [array * factor for array in expected.outputs]
            if all(np.array_equal(a, b) for a, b in zip(wrong, expected.outputs)):
                problems.append(
                    (check.line, f"check {check.key} ({check.name}): the gradient is zero for these inputs")
                )
                return named
            found = judge(replace(check, may_write=True), {"outputs": len(wrong)}, wrong, expected)
            if feedback.passed(found):
                problems.append((check.line, f"check {check.key} ({check.name}): a gradient with the {name} passes"))
            named += bool(found.mistake)
            if not found.mistake:
                said = f"a gradient with the {name} is not named; does gradient_of= compute with minigrad's operations?"
                self.proof.notes.append(f"line {check.line}: check {check.key}: {said}")
        return named

    def agreement(self) -> None:
        """Hidden and visible checks agree on the solution, the visible ones also as students have them."""
        content = self.released["core"][f"{self.source.name}.checks.json"]
        program = self.released["core"][f"{self.source.name}.py"]
        released = Released(self.source.path.with_name(f"{self.source.name}.checks.json"), content, program)
        graded = grade_one(released, "solution", solution(self.source).encode())
        problems = [(line, f"as released, {said}") for line, said in self.failures(graded)]
        for task in self.assignment.tasks:
            kinds = {check.hidden for check in task.checks}
            if kinds == {True}:
                self.proof.notes.append(f"line {task.line}: task {task.number} has no visible check")
        self.add("hidden and visible checks agree on the solution", problems)

    def independence(self) -> None:
        """Each task can be done without the others, but those that it needs."""
        if len(self.numbers) < 2:
            return
        needs = {task.number: task.needs for task in self.assignment.tasks}
        sets = []
        for number in self.numbers:
            order = [number]
            for other in order:
                order += [needed for needed in needs[other] if needed not in order]
            sets.append(order)
        submissions = [published(self.source, solved=numbers)[0] for numbers in sets]
        problems = []
        for task, numbers, graded in zip(self.assignment.tasks, sets, self.grade(submissions)):
            failed = self.failures(graded, [task.number])
            if failed:
                alone = "alone" if len(numbers) == 1 else f"with only {', '.join(numbers[1:])} done"
                said = f"task {task.number} cannot be done {alone}: write needs=[…] ({failed[0][1]})"
                problems.append((task.line, said))
        self.add("each task can be done without those that it does not need", problems)

    def margins(self) -> None:
        """The solution needs at most a fifth of the limits of time and memory."""
        limits = self.assignment.limits
        runs = [self.solved, _solve(self.source)]  # the machine may be busy: the best of two counts
        problems = []
        slowest = 0.0
        for check in self.assignment.checks:
            needed = min(run.check_seconds[check.key] for run in runs)
            allowed = check.seconds or limits.seconds_per_check
            slowest = max(slowest, needed / allowed)
            if needed * MARGIN > allowed:
                problems.append((check.line, f"check {check.key} ({check.name}) takes {needed:.2g} s of {allowed:g} s"))
        whole = min(run.seconds for run in runs)
        if whole * MARGIN > limits.seconds:
            problems.append((self.assignment.line, f"the submission takes {whole:.2g} s of {limits.seconds:g} s"))
        memory = min(run.memory for run in runs)
        if memory * MARGIN > limits.memory:
            said = f"the submission takes {memory >> 20} MiB of {limits.memory >> 20} MiB"
            problems.append((self.assignment.line, said))
        self.add(f"time and memory have a margin of {MARGIN}", problems)

    def same_bytes(self) -> None:
        """Two runs give the same bytes: this one, and a process that orders sets differently."""
        own = str(Path(minigrad.__file__).parents[1])
        path = os.pathsep.join(filter(None, [own, os.environ.get("PYTHONPATH")]))
        seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
        again = subprocess.run(
            [sys.executable, "-c", _AGAIN, str(self.source.path.absolute())],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}, capture_output=True, text=True,
        )  # fmt: skip
        if again.returncode:
            last = (again.stderr.strip().split("\n") or [""])[-1]
            self.add("two runs give the same bytes", [(0, f"a second run fails: {last}")])
            return
        differs = [(0, "two runs give other bytes: is something drawn without rng, or a set written in its order?")]
        same = again.stdout.split()[-1] == fingerprint(self.source)
        self.add("two runs give the same bytes", [] if same else differs)


def _misnamed(mistake: Mistake, graded: Graded) -> str:
    """Return what is wrong with how a known mistake is judged; nothing if it loses points and is named."""
    record = graded.record
    if not record.gradable:
        return f"the submission is not gradable: {record.problem}"
    failed = [check for check in record.of_task(mistake.task) if not feedback.passed(check)]
    if not any(check.earned < check.points for check in failed):
        return "it loses no points; no check of the task shows it"
    for check in failed:
        if check.mistake and check.mistake != mistake.name:
            return f"check {check.key} ({check.name}) names it {check.mistake!r}: its inputs do not tell them apart"
    if not any(check.mistake == mistake.name for check in failed):
        said = failed[0].message or failed[0].status
        return f"it is not named: check {failed[0].key} ({failed[0].name}) says: {said}"
    return ""


def _submission(source: Source, mistake: Mistake) -> str:
    """Return the text of a submission with a known mistake in it."""
    made = source.edited(mistake)
    for name, function in mistake.instead.items():
        text, called = _text_of(source, function)
        made += f"\n# %%\n{text}\n{name} = {called}\n"
    return made


def _text_of(source: Source, function: Callable[..., object]) -> tuple[str, str]:
    """Return the text that defines a function of the source, and the expression that is the function."""
    if not isinstance(function, types.FunctionType):
        raise LookupError("instead= needs a function that this file defines, by def or lambda")
    code = function.__code__
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno and code.co_name == "<lambda>":
            names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
            if names == list(code.co_varnames[: code.co_argcount]):
                return "", f"({ast.unparse(node)})"
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
            if code.co_firstlineno == first:
                return ast.unparse(node), node.name
    raise LookupError("instead= needs a function that this file defines, by def or lambda")
