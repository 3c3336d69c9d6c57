"""Load an assignment: run its source, and resolve what it declares.

The source is the teacher's own program and is trusted: it runs in this process.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import ctypes
import functools
import hashlib
import io
import pickle
import random
import signal
import sys
import textwrap
import threading
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.course import assertions
from minigrad.course.assignment import Assignment, Check, Mistake, Task
from minigrad.course.catalogue import edited_rules
from minigrad.course.marks import HIDDEN, SOLUTION, TESTS, Block, Cell, SourceError, normalize, parse, read


@dataclass(frozen=True)
class Candidate:
    """What the solution with a known mistake in it returns for the inputs of a check."""

    name: str
    sentence: str
    hint: str
    outputs: Any
    task: str = ""
    catalogue: bool = False


@dataclass
class Source:
    """A loaded assignment.

    Attributes:
        path: the file.
        name: NAME, its stem.
        text: its text, with `\\n` as line ends.
        cells, blocks: what `marks.read` finds in it.
        namespace: the names of the executed program.
        assignment: what it declares, with the points of each check and `hidden` set.
        functions: the name of the function of each check, by `Check.key`.
        drivers: the text of each check's function that holds no solution, by name.
        given: the text of every function that holds no solution and stands in no block of tests, by name.
        bound: the names that the program's own statements bind.
        solutions: the text of every function that holds a solution or is one, by name.
    """

    path: Path
    name: str
    text: str
    cells: list[Cell]
    blocks: list[Block]
    namespace: dict[str, Any]
    assignment: Assignment
    functions: dict[str, str]
    drivers: dict[str, str]
    given: dict[str, str] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    solutions: dict[str, str] = field(default_factory=dict)
    _edited: dict[int, dict[str, Any]] = field(default_factory=dict, repr=False)
    _cache: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @functools.cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of the text; line 1 is `lines[0]`."""
        return tuple(self.text.split("\n"))

    def task_of(self, block: Block) -> Task | None:
        """Return the task that a solution belongs to: the one that its mark names, or the next one declared."""
        if block.task:
            return next((task for task in self.assignment.tasks if task.number == block.task), None)
        return next((task for task in self.assignment.tasks if task.line > block.end), None)

    def seed(self, check: Check, student: str = "") -> int:
        """Return the seed of a check's inputs: from the assignment's name, the check and, if personal, the student."""
        words = [self.name, check.key, student if check.personal else ""]
        return int.from_bytes(hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).digest()[:6])

    def inputs(self, check: Check, student: str = "") -> tuple[Any, ...]:
        """Return fresh inputs of a check.

        Args:
            check: one of `assignment.checks`.
            student: NAME of the submission; a personal check draws other inputs for another name.

        Raises:
            SourceError: the function that draws them raises, or does not return a tuple.
        """
        if not callable(check.inputs):
            return tuple(copy.deepcopy(list(check.inputs)))
        with self._blaming(check, "the inputs cannot be drawn"):
            drawn = check.inputs(np.random.default_rng(self.seed(check, student)))
        if not isinstance(drawn, (tuple, list)):
            raise SourceError(self.path.name, [(check.line, f"the inputs must be a tuple of arguments, got "
                                                f"{type(drawn).__name__}; for one argument write (x,)")])  # fmt: skip
        return tuple(drawn)

    def expected(self, check: Check, student: str = "") -> Any:
        """Return what the solution returns for the inputs of a check.

        Raises:
            SourceError: the solution raises.
        """
        key = (check.key, student if check.personal else "")
        if key not in self._cache:
            with self._blaming(check, "the solution fails"):
                self._cache[key] = self._call(self.namespace, check, student)
        return self._cache[key]

    def candidates(self, check: Check, student: str = "") -> list[Candidate]:
        """Return what every known mistake of the check's task, and of the tasks that it needs, returns.

        A mistake that raises, or that takes too long, has no outputs and is left out.
        """
        key = (check.key, student if check.personal else "", "candidates")
        if key not in self._cache:
            made = []
            for mistake in self.mistakes(check.task):
                with contextlib.suppress(Exception):
                    outputs = self._call(self.with_mistake(mistake), check, student)
                    made.append(Candidate(mistake.name, mistake.sentence, mistake.hint, outputs, mistake.task))
            self._cache[key] = [*made, *self._of_the_rule(check, student)]
        return self._cache[key]

    def _of_the_rule(self, check: Check, student: str) -> list[Candidate]:
        """Return what the catalogue of update rules gives: its mistakes, made one by one in the student's function."""
        name = self.rule_function(check)
        if name is None:
            return []
        made: dict[bytes, Candidate] = {}
        right = self.namespace[name]
        key = ("edited rules", name)  # several checks ask for one function
        if key not in self._cache:
            edits = edited_rules(self.solutions[name], self.namespace)
            self._cache[key] = [(_explained(explanation), function) for explanation, function in edits]
        try:
            for explained, function in self._cache[key]:
                self.namespace[name] = function
                with contextlib.suppress(Exception):
                    outputs = self._call(self.namespace, check, student)
                    found = pickle.dumps(outputs)
                    if found not in made:
                        mistake, sentence, hint = explained
                        made[found] = Candidate(mistake, sentence, hint, outputs, check.task, catalogue=True)
        finally:
            self.namespace[name] = right
        return list(made.values())

    def rule_function(self, check: Check) -> str | None:
        """Return the name of the student's function that a check of an update rule is about."""
        if check.rule is None:
            return None
        name = self.functions[check.key]
        if name not in self.drivers:
            return name if name in self.solutions else None
        used = [node.id for node in ast.walk(ast.parse(self.drivers[name])) if isinstance(node, ast.Name)]
        return next((each for each in used if each in self.solutions), None)

    def mistakes(self, number: str) -> list[Mistake]:
        """Return the known mistakes of a task, followed by those of the tasks that it needs."""
        tasks = {task.number: task for task in self.assignment.tasks}
        order = [number]
        for other in order:
            order += [needed for needed in tasks[other].needs if needed not in order]
        return [mistake for other in order for mistake in tasks[other].mistakes]

    def edited(self, mistake: Mistake) -> str:
        """Return the text of the source with a known mistake made in it, and the blocks of tests left blank.

        Raises:
            SourceError: the text to replace does not stand exactly once in the solutions.
        """
        lines = list(self.lines)
        for block in self.blocks:
            if block.kind in (TESTS, HIDDEN):
                lines[block.begin - 1 : block.end] = [""] * (block.end - block.begin + 1)
        if not mistake.old:
            return "\n".join(lines)
        solutions = [block for block in self.blocks if block.kind == SOLUTION]
        own = [block for block in solutions if (task := self.task_of(block)) and task.number == mistake.task]
        found: list[tuple[int, int, str]] = []
        for blocks in (own, solutions):
            found = found or [place for block in blocks for place in _places(lines, block, mistake.old, mistake.new)]
        if len(found) != 1:
            at = f", in lines {', '.join(str(first) for first, _, _ in found)}: make it longer" if found else ""
            said = f"{mistake.old!r} must stand once in the solutions; it stands {len(found)} times{at}"
            raise SourceError(self.path.name, [(mistake.line, f"known mistake {mistake.name!r}: {said}")])
        first, last, text = found[0]
        return "\n".join([*lines[: first - 1], text, *lines[last:]])

    def with_mistake(self, mistake: Mistake) -> dict[str, Any]:
        """Return the names of the source executed with a known mistake in it."""
        if mistake.line not in self._edited:
            namespace = _execute(self.edited(mistake), self.path, None)
            for name, function in mistake.instead.items():
                *owners, last = name.split(".")
                if not owners:
                    namespace[name] = function
                    continue
                owner = namespace[owners[0]]
                for part in owners[1:]:
                    owner = getattr(owner, part)
                setattr(owner, last, function)
            self._edited[mistake.line] = namespace
        return self._edited[mistake.line]

    def _call(self, namespace: dict[str, Any], check: Check, student: str) -> Any:
        arguments = self.inputs(check, student)
        seed_everything(self.seed(check, student))
        with _quiet(), time_limit(check.seconds or self.assignment.limits.seconds_per_check):
            return namespace[self.functions[check.key]](*arguments)

    @contextlib.contextmanager
    def _blaming(self, check: Check, what: str) -> Iterator[None]:
        try:
            yield
        except SourceError:
            raise
        except Exception as error:
            said = f"check {check.key} ({check.name}): {what}: {_said(error, self.path)}"
            raise SourceError(self.path.name, [(check.line, said)]) from error


def load(path: str | Path) -> Source:
    """Load an assignment.

    Args:
        path: its file, or the folder that holds this one file.

    Raises:
        OSError: there is no such file, or it cannot be read.
        SourceError: marks are wrong, the program raises, or what it declares does not fit together. The message has
            all problems of a kind with their lines.
    """
    path = find(path)
    text = normalize(_decode(path))
    cells, blocks = read(text, path.name)
    tree = parse(text, path.name)
    tests = {line for block in blocks if block.kind in (TESTS, HIDDEN) for line in range(block.first, block.last + 1)}
    statements = _bindings(tree)
    problems = assertions.rewrite(tree, tests, statements)
    if problems:
        raise SourceError(path.name, problems)
    namespace = _execute(text, path, tree)
    found = {id(value): value for value in namespace.values() if isinstance(value, Assignment)}
    if not found:
        raise SourceError(path.name, [(0, 'no assignment is declared: in a block # BEGIN TESTS write '
                                       'assignment = Assignment("Title")')])  # fmt: skip
    if len(found) > 1:
        raise SourceError(path.name, [(item.line, "a file declares one Assignment") for item in found.values()])
    (assignment,) = found.values()
    source = Source(path, path.stem, text, cells, blocks, namespace, assignment, {}, {})
    _Resolver(source, statements).resolve()
    return source


def find(path: str | Path) -> Path:
    """Return the file of an assignment, given that or its folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the folder has several, or the file is not Python.
    """
    path = Path(path)
    if path.is_dir():
        inside = sorted(file for file in path.glob("*.py") if file.is_file())
        sources = [file for file in inside if "BEGIN TESTS" in file.read_text("utf-8", "replace")]
        same = [file for file in sources if file.stem == path.resolve().name]
        sources = sources or (inside if len(inside) == 1 else [])
        if len(sources) > 1 and not same:
            raise ValueError(f"{path} has several assignments: name one of {', '.join(file.name for file in sources)}")
        if not sources:
            raise FileNotFoundError(f"{path} has no assignment: a .py file with a block # BEGIN TESTS")
        return (same or sources)[0]
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if path.suffix != ".py":
        raise ValueError(f"{path} must be a Python file, NAME.py")
    return path


def seed_everything(seed: int) -> None:
    """Seed the generators of `random`, NumPy and minigrad, as before every call of a check."""
    import minigrad

    random.seed(seed)
    np.random.seed(seed % 2**32)
    minigrad.manual_seed(seed)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError inside the block after some seconds. Where signals do not allow it, at its next line."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        with _time_limit_of_a_thread(seconds):
            yield
        return

    def ring(number: int, frame: Any) -> None:
        raise TimeoutError(f"it takes more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _time_limit_of_a_thread(seconds: float) -> Iterator[None]:
    thread, lock, over = ctypes.c_ulong(threading.get_ident()), threading.Lock(), False

    def ring() -> None:
        with lock:
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(TimeoutError))

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
        timer.cancel()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop what is printed, and show no warnings: a known mistake may deserve one."""
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _decode(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SourceError(path.name, [(line, "the file must be UTF-8")]) from None


def _execute(text: str, path: Path, tree: ast.Module | None) -> dict[str, Any]:
    """Run a program as a new module, and return its names."""
    module = types.ModuleType(f"course_source_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    if tree is not None:
        module.__dict__[assertions.RECORD] = _recorder(module.__dict__, path)
    try:
        code = compile(text if tree is None else tree, str(path), "exec", dont_inherit=True)
        with _quiet():
            exec(code, module.__dict__)
    except SourceError:
        raise
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = (lines[-1] if lines else getattr(error, "lineno", 0)) or 0
        raise SourceError(path.name, [(line, f"the source fails: {_said(error, path)}")]) from error
    finally:
        del sys.modules[module.__name__]
    return module.__dict__


def _recorder(namespace: dict[str, Any], path: Path) -> Callable[..., None]:
    """Return the function that a rewritten assertion calls."""

    def record(function: Any, inputs: Any, holds: Any, name: str, line: int, rtol: float, atol: float) -> None:
        if not np.all(holds):
            raise SourceError(path.name, [(line, "the solution does not satisfy this assertion")])
        tasks = [task for value in namespace.values() if isinstance(value, Assignment) for task in value.tasks]
        if not tasks:
            raise SourceError(path.name, [(line, 'this assertion belongs to no task: before it write '
                                           'task = assignment.task("1.1", "title")')])  # fmt: skip
        tasks[-1].check(function, inputs, name=name, rtol=float(rtol), atol=float(atol))
        tasks[-1].checks[-1] = replace(tasks[-1].checks[-1], line=line)

    return record


def _said(error: BaseException, path: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{text} (line {lines[-1]})" if lines else text


def _bindings(tree: ast.Module) -> dict[str, ast.stmt]:
    """Return the last top-level statement that binds each name."""
    found: dict[str, ast.stmt] = {}

    def visit(statements: list[ast.stmt]) -> None:
        for statement in statements:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found[statement.name] = statement
            elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        found[target.id] = statement
            elif isinstance(statement, (ast.If, ast.Try, ast.With)):
                visit(statement.body)

    visit(tree.body)
    return found


def _explained(explanation: Any) -> tuple[str, str, str]:
    """Return the name, the sentence and the hint of a mistake of the catalogue."""
    target = explanation.lines[0].before.partition("=")[0].strip()
    (sentence,) = explanation.sentences
    hint = f"Look at the line of {target}." if target.isidentifier() else ""
    first = sentence[:1].upper() if sentence[1:2].isalpha() else sentence[:1]  # not a variable's name
    return explanation.name, f"{first}{sentence[1:]}.", hint


def _lines(statement: ast.stmt) -> tuple[int, int]:
    """Return the first and last line of a statement, decorators included."""
    decorators = [item.lineno for item in getattr(statement, "decorator_list", [])]
    return min([statement.lineno, *decorators]), statement.end_lineno or statement.lineno


def _places(lines: list[str], block: Block, old: str, new: str) -> list[tuple[int, int, str]]:
    """Return where a text stands in a solution: the first and last line, and those lines with the edit made.

    Several lines may be given at another indentation.
    """
    text = "\n".join(lines[block.first - 1 : block.last])
    found = []
    at = text.find(old)
    while at >= 0:
        first = block.first + text[:at].count("\n")
        last = first + old.count("\n")
        before = text.rfind("\n", 0, at) + 1
        after = text.find("\n", at + len(old))
        whole = text[before : after if after >= 0 else len(text)]
        found.append((first, last, whole[: at - before] + new + whole[at - before + len(old) :]))
        at = text.find(old, at + 1)
    if found or "\n" not in old.strip("\n"):
        return found
    wanted = textwrap.dedent(old).strip("\n").split("\n")
    for i in range(block.first - 1, block.last - len(wanted) + 1):
        here = lines[i : i + len(wanted)]
        if textwrap.dedent("\n".join(here)).split("\n") == wanted:
            indent = here[0][: len(here[0]) - len(here[0].lstrip())]
            made = textwrap.indent(textwrap.dedent(new).strip("\n"), indent)
            found.append((i + 1, i + len(wanted), made))
    return found


class _Resolver:
    """Completes and checks what a source declares, and collects the problems."""

    def __init__(self, source: Source, statements: dict[str, ast.stmt]) -> None:
        self.source, self.statements = source, statements
        self.problems: list[tuple[int, str]] = []

    def problem(self, line: int, text: str) -> None:
        self.problems.append((line, text))

    def block(self, line: int, *kinds: str) -> Block | None:
        return next((block for block in self.source.blocks if block.kind in kinds and line in block), None)

    def resolve(self) -> None:
        source = self.source
        assignment = source.assignment
        self.given()
        if not self.block(assignment.line, TESTS):
            self.problem(assignment.line, "the Assignment must be declared inside # BEGIN TESTS and # END TESTS")
        if not assignment.tasks:
            self.problem(assignment.line, 'the assignment has no task: write task = assignment.task("1.1", "title")')
        numbers = {task.number for task in assignment.tasks}
        for task in assignment.tasks:
            if not self.block(task.line, TESTS, HIDDEN):
                self.problem(task.line, f"Task {task.number} must be declared inside # BEGIN TESTS and # END TESTS")
            elif not self.block(task.line, TESTS):
                self.problem(task.line, f"Task {task.number} is declared in a block of hidden tests, but students must "
                             "know of it: declare it inside # BEGIN TESTS")  # fmt: skip
            for other in task.needs:
                if other not in numbers or other == task.number:
                    self.problem(task.line, f"Task {task.number} needs task {other}, which is none of the others")
            self.functions(task)
            self.points(task)
        for block in source.blocks:
            if block.kind == SOLUTION and source.task_of(block) is None:
                what = f"there is no task {block.task}" if block.task else "no task is declared after this solution"
                self.problem(block.begin, f"{what}: write # BEGIN SOLUTION task=… with one of {', '.join(numbers)}")
        if self.problems:
            raise SourceError(source.path.name, self.problems)
        self.mistakes()
        if self.problems:
            raise SourceError(source.path.name, self.problems)

    def functions(self, task: Task) -> None:
        for i, check in enumerate(task.checks):
            if not self.block(check.line, TESTS, HIDDEN):
                self.problem(check.line, "a check must be declared inside # BEGIN TESTS or # BEGIN HIDDEN TESTS")
            hidden = check.hidden or self.block(check.line, HIDDEN) is not None
            task.checks[i] = check = replace(check, hidden=hidden)
            if check.personal and not callable(check.inputs):
                self.problem(check.line, f"check {check.key} is personal, so its inputs must be a function of rng")
            if not callable(check.inputs) and not isinstance(check.inputs, (tuple, list)):
                self.problem(check.line, "the inputs must be a tuple of arguments; for one argument write (x,)")
            name = next((name for name, value in self.source.namespace.items()
                         if value is check.function and name in self.statements), None)  # fmt: skip
            if name is None:
                known = getattr(check.function, "__name__", "")
                what = "a lambda" if known == "<lambda>" else f"{known or type(check.function).__name__}"
                said = f"a check asks for a function of this file by its name, not for {what}"
                self.problem(check.line, f"{said}: define a driver with def, outside of the blocks of tests")
                continue
            self.source.functions[check.key] = name
            self.driver(check, name)

    def given(self) -> None:
        """Keep the texts of the functions that hold no solution."""
        self.source.bound = set(self.statements)
        for name, statement in self.statements.items():
            first, last = _lines(statement)
            kinds = {block.kind for block in self.source.blocks if block.begin <= last and block.end >= first}
            text = "\n".join(self.source.lines[first - 1 : last]) + "\n"
            if not kinds:
                self.source.given[name] = text
            elif kinds == {SOLUTION} and isinstance(statement, ast.FunctionDef):
                self.source.solutions[name] = text

    def driver(self, check: Check, name: str) -> None:
        """Keep the text of a check's function if it is a driver."""
        first, _ = _lines(self.statements[name])
        if inside := self.block(first, TESTS, HIDDEN):
            self.problem(
                check.line,
                f"{name}() stands in the {inside.kind} block of line {inside.begin}, but students run it: move it out "
                "of the block; it is released as a driver",
            )
        elif name in self.source.given:
            self.source.drivers[name] = self.source.given[name]

    def points(self, task: Task) -> None:
        """Share the task's points among its checks."""
        by_hand = sum(points for rubric in task.rubrics for _, points in rubric.criteria)
        left = task.points - by_hand - sum(check.points or 0 for check in task.checks)
        open_ = [check for check in task.checks if check.points is None]
        if left < -1e-9 or (abs(left) > 1e-9 and not open_):
            what = "the checks and rubrics" if by_hand else "the checks" if task.checks else "no check"
            self.problem(task.line, f"Task {task.number} has {task.points:g} points, but {what} give "
                         f"{task.points - left:g}")  # fmt: skip
        for i, check in enumerate(task.checks):
            if check.points is None:
                task.checks[i] = replace(check, points=max(left, 0.0) / len(open_))

    def mistakes(self) -> None:
        for task in self.source.assignment.tasks:
            names: set[str] = set()
            for mistake in task.mistakes:
                if mistake.name in names:
                    self.problem(mistake.line, f"Task {task.number} has two known mistakes named {mistake.name!r}")
                names.add(mistake.name)
                if not self.block(mistake.line, TESTS, HIDDEN):
                    self.problem(mistake.line, "a known mistake must be declared inside a block of tests")
                for name in mistake.instead:
                    if name.split(".")[0] not in self.source.namespace:
                        self.problem(mistake.line, f"instead= names {name!r}, which this file does not define")
                try:
                    text = self.source.edited(mistake)
                    parse(text, self.source.path.name, f"with the known mistake {mistake.name!r}: ")
                except SourceError as error:
                    self.problems += [(mistake.line, text) for _, text in error.problems]
