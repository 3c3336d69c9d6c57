"""The command line, `python -m minigrad`: parse the options of each command and call the function that does the work.

Each command has two functions here: `add_NAME` declares its options, and `NAME` runs it.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import TypeAlias

from minigrad.course.cli import add_course
from minigrad.viz.charts.files import check_target

PICTURE = Path("backward.svg")
"""The picture that `train` draws, unless another one is asked for."""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the words after the program's name. Default: those of this process.

    Returns:
        The exit status: 0, 2 for an error in the arguments, 130 if interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a path that it cannot encode must not end the run
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="python -m minigrad",
        description="Learn how networks are trained. Without a command, run train; its options may be given directly.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and the folder of the package")
    commands = parser.add_subparsers(metavar="command", title="commands, each with its own --help")
    add_train(commands)
    add_race(commands)
    add_rates(commands)
    add_step(commands)
    add_sanity(commands)
    add_course(commands)
    add_tutorials(commands)
    if given[:1] == ["--version"]:
        print(version())
        return 0
    if not given or given[0].startswith("-") and given[0] not in ("-h", "--help"):
        given.insert(0, "train")
    options = parser.parse_args(given)
    try:
        status: int | None = options.run(options)
    except (ValueError, FloatingPointError, OSError, ImportError) as error:
        print(f"\n{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    return status or 0


def version() -> str:
    """Return the version and the folder of the package; other packages with the same import name exist."""
    import minigrad

    return f"minigrad {minigrad.__version__} from {Path(minigrad.__file__).parent}"


def add_train(commands: Commands) -> None:
    """Declare the options of `train`."""
    parser = commands.add_parser(
        "train",
        help="train a two-layer network on handwritten digits",
        description="Train a two-layer network on handwritten digits with the lecture's loop.",
    )
    parser.add_argument("--steps", type=int, default=2000, help="number of updates of x (%(default)s)")
    parser.add_argument("--learning-rate", type=float, default=1e-1, help="step size along -dx (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="digits per step (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the initial parameters (%(default)s)")
    parser.add_argument(
        "--picture",
        type=Path,
        help="file for the picture of the last backward pass: .svg; .png, .pdf and others if Graphviz is installed "
        f"({PICTURE}, if that can be drawn)",
    )
    parser.set_defaults(run=lambda o: train(o.steps, o.learning_rate, o.batch_size, o.seed, o.picture))


def train(steps: int, learning_rate: float, batch_size: int, seed: int, picture: Path | None) -> None:
    """Train on the digits; show progress in the terminal and draw the last backward pass.

    A picture that was asked for and cannot be drawn is an error, before the training. Without the default picture the
    training is still worth its time, so a line says why there is none.
    """
    import numpy as np

    from minigrad.data import Dataset
    from minigrad.data.progress import Progress
    from minigrad.demo import train_digits as loop
    from minigrad.network import Loss, Network

    missing = ""
    try:
        check_picture(picture or PICTURE)
    except (RuntimeError, OSError, ImportError) as error:
        missing = " ".join(str(error).split())
        if picture is not None:
            raise OSError(missing) from None

    progress = Progress(steps)

    def watch(step: int, loss: Loss, network: Network, held_out: Dataset) -> None:
        if progress.due(step):
            right = loop.accuracy(network.model, held_out)
            progress.show(step, f"loss {loss:.4f}  accuracy on held-out digits {right:6.1%}")

    started = time.perf_counter()
    with np.errstate(all="ignore"), warnings.catch_warnings():  # a run that diverges reports that itself, in one line
        warnings.simplefilter("ignore", RuntimeWarning)
        trained = loop.train(steps, learning_rate, batch_size, seed, watch)
    seconds = time.perf_counter() - started
    print(f"{trained.accuracy:.1%} of the held-out digits are right after {steps} steps in {seconds:.1f} s.")
    lines, first = inspect.getsourcelines(loop.train)
    where = first + next(i for i, line in enumerate(lines) if "while True" in line)
    print(f"The training loop: {inspect.getsourcefile(loop)}, line {where}")
    if missing:
        print(f"The picture of the backward pass was not drawn: {missing}")
    else:
        print(f"The picture of the last backward pass: {draw_backward(trained.loss, picture or PICTURE)}")


def check_picture(picture: Path) -> None:
    """Raise, before any work is done, if a graph cannot be drawn into the file: draw a small one, and discard it."""
    from minigrad.scalar import Value
    from minigrad.viz.graph.draw import PICTURES, draw

    check_target(picture, PICTURES, "--picture")
    draw(-Value(1.0)).pipe(picture.suffix[1:].lower())


def draw_backward(loss: object, picture: Path) -> str:
    """Draw the graph of the loss and return the path of the picture."""
    from minigrad.viz.graph.draw import draw

    try:
        return draw(loss).save(picture)
    except RuntimeError as error:
        raise OSError(f"the picture of the backward pass was not drawn: {error}") from None


def add_race(commands: Commands) -> None:
    """Declare the options of `race`."""
    parser = commands.add_parser(
        "race",
        help="race update rules down a loss surface",
        description="Race update rules down a loss surface, and animate or draw the race.",
        epilog="Surfaces: valley, saddle, beale, rosenbrock, himmelblau, noisy, digits. "
        "Rules, as in minigrad.optim.rules: sgd, momentum, momentum_pytorch, nesterov, adagrad, rmsprop, "
        "rmsprop_momentum, adam_incomplete, adam, amsgrad, adadelta, adamax, nadam, radam, asgd, rprop, lion, lamb, "
        "adafactor.",
    )
    parser.add_argument("--surface", default="beale", help="name of the surface (%(default)s)")
    parser.add_argument("--rules", default="sgd,momentum,adagrad,rmsprop,adam", help="names, with commas (%(default)s)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("race.html"),
        help="output file: .html for an interactive page, .svg for a map, .gif for an animation (%(default)s)",
    )
    parser.add_argument("--relief", action="store_true", help="draw hills and valleys instead of the map (.svg)")
    parser.add_argument("--steps", type=int, help="number of steps (the surface's)")
    parser.add_argument("--learning-rate", help="for all rules: 0.1; by name: sgd=0.1,adam=0.01 (one for each rule)")
    parser.add_argument("--start", nargs=2, type=float, metavar=("X", "Y"), help="first position (the surface's)")
    parser.set_defaults(run=race)


def race(options: argparse.Namespace) -> None:
    """Run a race; print a table and write an animation or a picture."""
    from minigrad import surfaces

    out: Path = options.out
    check_target(out, [".svg"] if options.relief else surfaces.ENDINGS, "--out")
    if out.suffix.lower() == ".gif":
        import matplotlib  # noqa: F401
    rates = options.learning_rate and read_rates(options.learning_rate)
    rules = [name.strip() for name in options.rules.split(",") if name.strip()]
    result = surfaces.race(options.surface, rules, options.start, options.steps, learning_rate=rates)
    print(result)
    where = result.relief().save(out) if options.relief else result.save(out, watch=progress_callback())
    print(f"The race: {where}")


def read_rates(text: str) -> float | dict[str, float]:
    """Parse a learning rate for all rules, or learning rates by name.

    >>> read_rates("0.1"), read_rates("sgd=0.1,adam=0.01")
    (0.1, {'sgd': 0.1, 'adam': 0.01})
    """
    try:
        return (
            dict((name.strip(), float(rate)) for name, rate in (p.split("=") for p in text.split(",")))
            if "=" in text
            else float(text)
        )
    except ValueError:
        raise ValueError(
            f"--learning-rate {text!r} must be a number, or names with numbers: sgd=0.1,adam=0.01"
        ) from None


def add_rates(commands: Commands) -> None:
    """Declare the options of `rates`."""
    parser = commands.add_parser(
        "rates",
        help="draw loss curves for very high, high, good and low learning rates",
        description="Train the network on the digits at several learning rates, and draw the loss curves.",
    )
    parser.add_argument("--out", type=Path, default=Path("rates.svg"), help="output file (%(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="number of epochs (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the initial parameters (%(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="number of processes (%(default)s)")
    parser.set_defaults(run=lambda o: rates(o.out, o.epochs, o.seed, o.jobs))


def rates(out: Path, epochs: int, seed: int, jobs: int = 1) -> None:
    """Train at each learning rate; print a table and write a picture."""
    from minigrad.demo import lr_sweep as rates

    check_target(out, [".svg"], "--out")
    if jobs < 1:
        raise ValueError(f"--jobs must be a positive integer, got {jobs}")
    with nullcontext() if jobs == 1 else ProcessPoolExecutor(jobs) as executor:
        found = rates.curves(epochs=epochs, seed=seed, watch=progress_callback(), executor=executor)
    print(rates.table(found))
    print(f"The picture: {rates.picture(found).save(out)}")


def progress_callback() -> Callable[[int, int, str], None]:
    """Return a callback (done, total, part) that shows progress in the terminal."""
    from minigrad.data.progress import Progress

    @cache
    def progress(total: int) -> Progress:
        return Progress(total)

    return lambda done, total, part: progress(total).show(done, part)


def add_step(commands: Commands) -> None:
    """Declare the options of `step`."""
    parser = commands.add_parser(
        "step",
        help="step through the backward pass of a program",
        description="Run a program up to its first backward pass, and step through that in the terminal. If it makes "
        "none, step through the derivatives of the last number it computed.",
        usage="%(prog)s script.py [--html FILE] [--backward N] [--quiz] [arguments of the script] [-- more of them]",
        allow_abbrev=False,
    )
    parser.add_argument("script", help="the Python file")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write an interactive page instead")
    parser.add_argument("--backward", type=int, default=1, metavar="N", help="which backward pass (%(default)s)")
    parser.add_argument("--quiz", action="store_true", help="ask for each gradient before it is shown")
    rest = parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    rest.required = False  # argparse does not infer this
    parser.set_defaults(run=lambda o: step(o, parser))


def step(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Step through a backward pass in the terminal, or write the page."""
    from minigrad.viz.page import ENDINGS
    from minigrad.viz.steps.script import ScriptError, steps_of

    mine = options.rest.index("--") if "--" in options.rest else len(options.rest)
    own = argparse.ArgumentParser(prog=parser.prog, usage=parser.usage, add_help=False, allow_abbrev=False)
    own.add_argument("--html", type=Path, default=options.html)
    own.add_argument("--backward", type=int, default=options.backward)
    own.add_argument("--quiz", action="store_true", default=options.quiz)
    found, arguments = own.parse_known_args(options.rest[:mine])  # options after the script may be ours, too
    if found.html is not None:
        check_target(found.html, ENDINGS, "--html")
    try:
        steps = steps_of(options.script, [*arguments, *options.rest[mine + 1 :]], found.backward)
    except ScriptError as error:
        print(error, file=sys.stderr)
        return error.status
    steps.quiz = found.quiz
    if found.html is None:
        steps.show()
    else:
        print(f"The steps: {steps.save(found.html)}")
    return 0


def add_sanity(commands: Commands) -> None:
    """Declare the options of `sanity`."""
    parser = commands.add_parser(
        "sanity",
        help="check the network of a program before it is trained",
        description="Run a program up to its first backward pass, and check its network on that batch: a line for each "
        "check, with a verdict. The exit status is 1 if something is wrong.",
        usage="%(prog)s script.py [arguments of the script]",
    )
    parser.add_argument("script", help="the Python file")
    rest = parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    rest.required = False  # argparse does not infer this
    parser.set_defaults(run=sanity)


def sanity(options: argparse.Namespace) -> int:
    """Print what `minigrad.sanity` says of a program."""
    from minigrad.viz.sanity_script import sanity_of
    from minigrad.viz.steps.script import ScriptError

    try:
        report = sanity_of(options.script, [word for word in options.rest if word != "--"])
    except ScriptError as error:
        print(error, file=sys.stderr)
        return error.status
    print(report)
    return 0 if report else 1


def add_tutorials(commands: Commands) -> None:
    """Declare the options of `tutorials`."""
    parser = commands.add_parser(
        "tutorials",
        help="list the lessons, copy one, or run one",
        description="Without a lesson, list them. With one, run it, or copy it with --copy or --notebook.",
    )
    parser.add_argument("lesson", nargs="?", help="its number, or a part of its name")
    parser.add_argument("--copy", type=Path, metavar="FOLDER", help="copy the program into this folder")
    parser.add_argument("--notebook", type=Path, metavar="FOLDER", help="copy it there as a Jupyter notebook")
    parser.set_defaults(run=tutorials)


def tutorials(options: argparse.Namespace) -> None:
    """List the lessons, or copy or run one."""
    from minigrad.course import lessons

    if options.lesson is None:
        if options.copy or options.notebook:
            raise ValueError("tutorials: which lesson? Give its number: tutorials 3 --copy FOLDER")
        for lesson in lessons.lessons():
            print(f"{lesson.number:2}  {lesson.title}")
        print("\nRun one: python -m minigrad tutorials 1. Keep a copy to change: tutorials 1 --notebook FOLDER")
        return
    lesson = lessons.find(options.lesson)
    for target in (options.copy, options.notebook):
        if target is not None:
            print(lessons.copy(lesson, target, as_notebook=target is options.notebook))
    if options.copy is None and options.notebook is None:
        lessons.run(lesson)
