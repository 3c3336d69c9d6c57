"""Run the corpus through minigrad: `python tests/teach/corpus/run.py [part …] [--misses] [--only NAME]`.

It prints how many mistakes were found and how many were named, by kind, and every miss with the sentence that was said.
"""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import minigrad
from corpus import gradients as _registers  # noqa: F401
from corpus import learners_rules as _registers_rules  # noqa: F401
from corpus import more_runs as _registers_too  # noqa: F401
from corpus.forwards import FORWARDS, Written
from corpus.learners_forwards import RIGHT as RIGHT_FORWARDS
from corpus.passes import EXERCISES, all_edits
from corpus.random_programs import random_program
from corpus.right import RIGHT
from corpus.rules import REWRITTEN, RULES, Rule, WrongRule, wrong_rules
from corpus.runs import RUNS, Run
from corpus.subjects import SUBJECTS, Mistake, cases, differs
from minigrad.autograd import check_gradient

# where a gradient is right is not why it is wrong
WHERE_ALONE = re.compile(
    r"Cause: no mistake of the catalogue.*|Cause: (right|wrong) only at ind(ex|ices) [\d, and]* of dimension \d+(: the border)?\."
)

# a remedy among several is no cause
REMEDIES = re.compile(r"(Usual (fixes|causes|remedies)|Try ).*", re.DOTALL)

UNDECIDED = re.compile(r"could not be|cannot be (told|decided|resolved|checked)|undecided", re.IGNORECASE)


@dataclass
class Outcome:
    """What was said of one case. `found`: it was called wrong; `named`: the sentence says the cause."""

    case: str
    kind: str
    cause: str
    sentence: str
    found: bool
    named: bool
    row: Any = None


def sentence(report: object) -> str:
    """The words of a report: its text without the line of the verdict and without the table of numbers."""
    lines = str(report).splitlines()
    text = " ".join(line.strip() for line in lines[1:] if not line.strip().startswith(("[", "index", "(")))
    return WHERE_ALONE.sub("", text)


def blames(report: object) -> bool:
    """Whether a report calls something wrong, and not merely impossible to decide."""
    return not report and not UNDECIDED.search(str(report))


class Raised:
    """An exception of a checker: it found nothing."""

    def __init__(self, error: Exception) -> None:
        self.text = f"raised\n{type(error).__name__}: {error}"

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return self.text


def checked(checker: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a checker says. One that raises is no reason to stop here."""
    try:
        return quietly(checker, *arguments, **options)
    except Exception as error:
        return Raised(error)


def quietly(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call it without warnings of NumPy, which are not the subject."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


def wrong_gradients(chosen: Callable[[Mistake, int], bool] = lambda mistake, number: True) -> Iterator[Outcome]:
    """Every wrong gradient of the corpus, or those that are chosen by mistake and number."""
    for number, (mistake, name, dx) in enumerate(cases()):
        if chosen(mistake, number):
            one = mistake.subject
            report = checked(check_gradient, one.of(name), one.arguments[name], dx, one.upstream, name=f"d{name}")
            said = sentence(report)
            found = not bool(report)
            yield Outcome(
                f"d{name} of {mistake}",
                mistake.row.kind,
                mistake.row.cause,
                said,
                found,
                found and mistake.row.is_named_by(said),
                mistake.row,
            )


def random_gradients(seeds: Iterable[int], right: bool = False) -> Iterator[Outcome]:
    """The gradients of random programs with a random mistake; with `right`, those without."""
    for seed in seeds:
        program = random_program(seed)
        wrong, correct = quietly(program.gradients, True), quietly(program.gradients, False)
        for name, dx in wrong.items():
            if right or differs(dx, correct[name]):
                given = correct[name] if right else dx
                report = checked(check_gradient, program.of(name), program.arguments[name], given, name=f"d{name}")
                said, found = sentence(report), not bool(report)
                named = found and program.row.is_named_by(said)
                case = f"seed {seed}: d{name}\n{program.forward if right else program.wrong}"
                kind = program.row.kind
                yield Outcome(
                    case, kind, program.row.cause, said, found, not blames(report) if right else named, program.row
                )


def right_gradients(step: int = 1) -> Iterator[Outcome]:
    """Every right gradient, or those of every `step`-th function. Here `named` is that it is left alone."""
    for one in [*SUBJECTS.values()][::step]:
        for name, dx in one.run().items():
            report = checked(check_gradient, one.of(name), one.arguments[name], dx, one.upstream, name=f"d{name}")
            yield Outcome(f"d{name} of {one.name}", "right", "", str(report), True, not blames(report))
    for case, f, x, dx in RIGHT:
        value = np.asarray(f(np.asarray(x, dtype=float)))
        report = checked(check_gradient, f, x, dx, np.ones(value.shape) if value.ndim else None)
        yield Outcome(case, "awkward", "", str(report), True, not blames(report))


def wrong_updates(chosen: Callable[[WrongRule, int], bool] = lambda mistake, number: True) -> Iterator[Outcome]:
    """Every wrong update rule."""
    for number, mistake in enumerate(wrong_rules()):
        if chosen(mistake, number):
            report = checked_rule(mistake.step(), mistake.rule)
            # the hint quotes the line of the rule, which has many of the words
            said, found = re.sub(r"Hint: .*?(?=Cause: |$)", "", sentence(report)), not bool(report)
            named = found and mistake.row.is_named_by(said)
            yield Outcome(str(mistake), mistake.row.kind, mistake.row.cause, said, found, named, mistake.row)


def right_updates() -> Iterator[Outcome]:
    """Every right update rule. `named` is that it is left alone."""
    for one in RULES.values():
        report = checked_rule(one.compiled(), one)
        yield Outcome(one.label, "right", "", str(report), True, not blames(report))
    for step, name, settings in REWRITTEN:
        report = checked_rule(step, Rule(step.__name__, name, settings, "", step))
        yield Outcome(step.__name__, "rewritten", "", str(report), True, not blames(report))


def checked_rule(step: Any, rule: Rule) -> Any:
    """What check_rule says of it."""
    return checked(minigrad.check_rule, step, rule.name, **rule.settings)


def wrong_forwards(chosen: Callable[[Written, int], bool] = lambda one, number: True) -> Iterator[Outcome]:
    """Every wrong forward pass."""
    number = 0
    for one in FORWARDS:
        for row in one.rows:
            number += 1
            if chosen(one, number):
                reference = one.reference or one.function()
                report = checked(minigrad.check_forward, one.function(row), reference, *one.inputs.values())
                said, found = re.sub(r"Hint: .*?(?=Cause: |$)", "", sentence(report)), not bool(report)
                named = found and report.mistake != "unknown" and row.is_named_by(said)
                yield Outcome(f"{one.label}: {row.old} => {row.new}", row.kind, row.cause, said, found, named, row)


def right_forwards() -> Iterator[Outcome]:
    """Right forward passes in other forms than the reference's. `named` is that they are left alone."""
    for mine, reference, inputs in RIGHT_FORWARDS:
        report = checked(minigrad.check_forward, mine, reference, *inputs)
        alone = bool(report) or report.mistake == "overflow" and mine.__name__.startswith("overflows")
        yield Outcome(mine.__name__, "right", "", str(report), True, alone)


def training_runs(chosen: Callable[[Run], bool]) -> Iterator[Outcome]:
    """Every chosen run. A sick one is named by the first sentence said; for a healthy one, that nothing is said."""
    for one in RUNS:
        if chosen(one):
            watchers: list[Any] = []

            def watched(*arguments: Any, watchers: list[Any] = watchers) -> Any:
                watchers.append(minigrad.watch(*arguments, live=False, every=2))
                return watchers[0]

            minigrad.manual_seed(0)
            quietly(one.script, watched)
            said = [f"{finding.kind}: {finding.text}" for finding in watchers[0].findings]
            first = said[0] if said else ""
            cause = REMEDIES.sub("", first)
            named = bool(re.search(one.words, cause, re.IGNORECASE)) if one.cause else not said
            kind = "sick" if one.cause else "healthy"
            yield Outcome(one.name, kind, one.cause, "\n          ".join(said), bool(said) or not one.cause, named)


def wrong_passes(chosen: Callable[[int], bool] = lambda number: True) -> Iterator[Outcome]:
    """Every wrong line of the exercises. `found`: it is the only line that is called wrong."""
    for number, edit in enumerate(all_edits()):
        if chosen(number):
            report = checked(minigrad.check_backward, *edit.exercise.run(edit.source()))
            text = str(report)
            wrong = re.findall(r"^(d\w+) .*? WRONG *(?:[\d.e+-]+)? *(.*)$", text, re.MULTILINE)
            found = [name for name, _ in wrong] == [edit.line]
            said = wrong[0][1] if found else " ".join(f"{name}: {cause}" for name, cause in wrong) or text[:200]
            yield Outcome(
                str(edit), edit.row.kind, edit.row.cause, said, found, found and edit.row.is_named_by(said), edit.row
            )


def right_passes() -> Iterator[Outcome]:
    """The exercises as they are. `named` is that no line is called wrong."""
    for one in EXERCISES:
        report = checked(minigrad.check_backward, *one.run())
        yield Outcome(one.name, "right", "", str(report), True, bool(report))


def by_chance(outcomes: list[Outcome]) -> float:
    """How often what was said would count as right for another case of another kind: what the words let through."""
    rng = np.random.default_rng(0)
    pairs = [(a, outcomes[rng.integers(len(outcomes))]) for a in outcomes for _ in range(5)]
    hits = [b.row.is_named_by(a.sentence) for a, b in pairs if a.sentence and b.row and a.kind != b.kind]
    return sum(hits) / max(1, len(hits))


def show(title: str, outcomes: Iterable[Outcome], misses: bool) -> float:
    """Print a table by kind and return the recall."""
    all_of_them = list(outcomes)
    count, found, named = Counter[str](), Counter[str](), Counter[str]()
    for one in all_of_them:
        count[one.kind] += 1
        found[one.kind] += one.found
        named[one.kind] += one.named
    print(f"\n{title}\n{'kind':18} {'cases':>6} {'found':>6} {'named':>6}")
    for kind in sorted(count, key=lambda kind: (named[kind] - count[kind], kind)):
        print(f"{kind:18} {count[kind]:6} {found[kind]:6} {named[kind]:6} {named[kind] / count[kind]:6.0%}")
    total = max(1, count.total())
    print(f"{'all':18} {count.total():6} {found.total():6} {named.total():6} {named.total() / total:6.1%}")
    if chance := by_chance(all_of_them):
        print(f"{chance:.1%} of the sentences would count as right for a case of another kind")
    if misses:
        for one in sorted(all_of_them, key=lambda one: one.kind):
            if not one.named:
                print(f"\n[{one.kind}]{'' if one.found else ' NOT FOUND'} {one.case}")
                print(f"    true: {one.cause}\n    said: {one.sentence or '(nothing)'}")
    return named.total() / total


def main() -> None:
    """Run the parts that are asked for."""
    parts: dict[str, Callable[[str], object]] = {
        "gradients": lambda only: show_gradients(only, arguments.misses),
        "random": lambda only: show("Random programs", random_gradients(range(200)), arguments.misses),
        "right": lambda only: show("Right gradients: named is left alone", right_gradients(), True),
        "rules": lambda only: show_rules(only, arguments.misses),
        "right-rules": lambda only: show("Right update rules: named is left alone", right_updates(), True),
        "forwards": lambda only: show_forwards(only, arguments.misses),
        "right-forwards": lambda only: show("Right forward passes: named is left alone", right_forwards(), True),
        "passes": lambda only: show("Wrong lines of backward passes", wrong_passes(), arguments.misses),
        "right-passes": lambda only: show("Right passes: named is left alone", right_passes(), True),
        "runs": lambda only: show("Runs", training_runs(lambda one: only in one.name), True),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", default=list(parts), help=f"of {', '.join(parts)} (default: all)")
    parser.add_argument("--misses", action="store_true", help="print every miss and what was said")
    parser.add_argument("--only", default="", help="cases whose function or kind contains this")
    arguments = parser.parse_args()
    for part in arguments.part:
        parts[part](arguments.only)


def show_gradients(only: str, misses: bool) -> float:
    """Print the table of wrong gradients."""
    chosen = lambda mistake, number: only in mistake.subject.name or only in mistake.row.kind  # noqa: E731
    return show("Wrong gradients", wrong_gradients(chosen), misses)


def show_forwards(only: str, misses: bool) -> float:
    """Print the table of wrong forward passes."""
    chosen = lambda one, number: only in one.label  # noqa: E731
    return show("Wrong forward passes", wrong_forwards(chosen), misses)


def show_rules(only: str, misses: bool) -> float:
    """Print the table of wrong update rules."""
    chosen = lambda mistake, number: only in mistake.rule.label or only in mistake.row.kind  # noqa: E731
    return show("Wrong update rules", wrong_updates(chosen), misses)


if __name__ == "__main__":
    main()
