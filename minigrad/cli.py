"""The command line: `python -m minigrad` trains on the digits, and has other commands.

Thin: what a command does lives elsewhere. For each there is an `add_…` with its options, and what it runs.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status: 0, 2 for a wrong call, 130 if interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a path that the terminal cannot show must not end the run
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="python -m minigrad",
        description="Learn how networks are trained. Without a command, and with the options of train, it trains.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and where minigrad was imported from")
    commands = parser.add_subparsers(metavar="command", title="commands, each with a --help of its own")
    add_train(commands)
    add_race(commands)
    add_rates(commands)
    add_step(commands)
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
    """The version, and which files this is: other packages of the same import name exist."""
    import minigrad

    return f"minigrad {minigrad.__version__} from {Path(minigrad.__file__).parent}"


def add_train(commands: Commands) -> None:
    """The main job's options."""
    parser = commands.add_parser(
        "train",
        help="train a two-layer network on handwritten digits",
        description="Train a two-layer network on handwritten digits with the lecture's loop.",
    )
    parser.add_argument("--steps", type=int, default=2000, help="how often x is updated (%(default)s)")
    parser.add_argument("--learning-rate", type=float, default=1e-1, help="how far along -dx (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="digits per step (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the initial parameters (%(default)s)")
    parser.add_argument(
        "--picture",
        type=Path,
        default=Path("backward.svg"),
        help="where to write the picture of the last backward pass (%(default)s)",
    )
    parser.set_defaults(run=lambda o: train(o.steps, o.learning_rate, o.batch_size, o.seed, o.picture))


def train(steps: int, learning_rate: float, batch_size: int, seed: int, picture: Path) -> None:
    """The main job, with its progress on the terminal and a picture at the end."""
    import numpy as np

    from minigrad.data import Dataset
    from minigrad.data.progress import Progress
    from minigrad.demo import train_digits as loop
    from minigrad.network import Loss, Network

    progress = Progress(steps)

    def watch(step: int, loss: Loss, network: Network, held_out: Dataset) -> None:
        if progress.due(step):
            right = loop.accuracy(network.model, held_out)
            progress.show(step, f"loss {loss:.4f}  accuracy on held-out digits {right:6.1%}")

    started = time.perf_counter()
    with np.errstate(all="ignore"), warnings.catch_warnings():  # a run that diverges says so itself, in one line
        warnings.simplefilter("ignore", RuntimeWarning)
        trained = loop.train(steps, learning_rate, batch_size, seed, watch)
    seconds = time.perf_counter() - started
    print(f"{trained.accuracy:.1%} of the held-out digits are right, after {steps} steps in {seconds:.1f} s.")
    lines, first = inspect.getsourcelines(loop.train)
    where = first + next(i for i, line in enumerate(lines) if "while True" in line)
    print(f"The loop that did it: {inspect.getsourcefile(loop)}, line {where}")
    print(draw_backward(trained.loss, picture))


def draw_backward(loss: object, picture: Path) -> str:
    """Write the picture, and say in one line where it is, or why there is none and how to get it."""
    from minigrad.viz.graph.draw import draw

    try:
        draw(loss).render(outfile=picture, cleanup=True)
    except (RuntimeError, OSError, ImportError, ValueError) as error:
        return f"The picture of the backward pass was not drawn: {' '.join(str(error).split())}"
    return f"The picture of its last backward pass: {picture}"


def add_race(commands: Commands) -> None:
    """The options of a race of update rules."""
    parser = commands.add_parser(
        "race",
        help="let update rules race down a loss surface",
        description="Let update rules race down a loss surface, and animate or draw it.",
        epilog="Surfaces: valley, saddle, beale, rosenbrock, himmelblau, noisy, digits. "
        "Rules, as in minigrad.optim.rules: sgd, momentum, momentum_pytorch, nesterov, adagrad, rmsprop, "
        "rmsprop_momentum, adam_incomplete, adam, amsgrad, adadelta, adamax, nadam, radam, asgd, rprop, lion, lamb, "
        "adafactor.",
    )
    parser.add_argument("--surface", default="beale", help="its name (%(default)s)")
    parser.add_argument("--rules", default="sgd,momentum,adagrad,rmsprop,adam", help="names, with commas (%(default)s)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("race.html"),
        help="the file: .html is a page to play with, .svg a map, .gif an animation (%(default)s)",
    )
    parser.add_argument("--relief", action="store_true", help="draw hills and valleys in place of the map, in .svg")
    parser.add_argument("--steps", type=int, help="how many (the surface's own)")
    parser.add_argument("--learning-rate", help="for all rules, 0.1, or by name, sgd=0.1,adam=0.01 (each rule's own)")
    parser.add_argument("--start", nargs=2, type=float, metavar=("X", "Y"), help="where from (the surface's own)")
    parser.set_defaults(run=race)


def race(options: argparse.Namespace) -> None:
    """Run the race; a table on the terminal, an animation or a picture in the file."""
    from minigrad import surfaces

    out: Path = options.out
    check_file(out, [".svg"] if options.relief else surfaces.ENDINGS)
    rates = options.learning_rate and read_rates(options.learning_rate)
    rules = [name.strip() for name in options.rules.split(",") if name.strip()]
    result = surfaces.race(options.surface, rules, options.start, options.steps, learning_rate=rates)
    print(result)
    where = result.relief().save(out) if options.relief else result.save(out, watch=showing_progress())
    print(f"To look at: {where}")


def read_rates(text: str) -> float | dict[str, float]:
    """A learning rate for all, or by names."""
    try:
        return (
            dict((name.strip(), float(rate)) for name, rate in (p.split("=") for p in text.split(",")))
            if "=" in text
            else float(text)
        )
    except ValueError:
        raise ValueError(
            f"--learning-rate {text!r} is to be a number, or names with numbers: sgd=0.1,adam=0.01"
        ) from None


def add_rates(commands: Commands) -> None:
    """The options of the picture of learning rates."""
    parser = commands.add_parser(
        "rates",
        help="draw loss curves for very high, high, good and low learning rates",
        description="Train the network on the digits at several learning rates, and draw the loss of each by epoch.",
    )
    parser.add_argument("--out", type=Path, default=Path("rates.svg"), help="the picture's file (%(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="how often the digits are seen (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the initial parameters (%(default)s)")
    parser.set_defaults(run=lambda o: rates(o.out, o.epochs, o.seed))


def rates(out: Path, epochs: int, seed: int) -> None:
    """Train at each rate; a table on the terminal, a picture in the file."""
    from minigrad.demo import lr_sweep as rates

    check_file(out, [".svg"])
    found = rates.curves(epochs=epochs, seed=seed, watch=showing_progress())
    print(rates.table(found))
    print(f"The picture: {rates.picture(found).save(out)}")


def check_file(out: Path, suffixes: Sequence[str], option: str = "--out") -> None:
    """Raise, before any work is done, if a file of this name cannot be written."""
    if out.suffix.lower() not in suffixes:
        raise ValueError(f"{option} {out} is to end in {' or '.join(suffixes)}")
    if not out.parent.is_dir():
        raise ValueError(f"{option} {out}: there is no folder {out.parent}")
    if out.is_dir() or not os.access(out if out.exists() else out.parent, os.W_OK):
        raise ValueError(f"{option} {out} {'is a folder' if out.is_dir() else 'may not be written'}")


def showing_progress() -> Callable[[int, int, str], None]:
    """What shows that some of all steps are done, and in which part of the work."""
    from minigrad.data.progress import Progress

    @cache
    def progress(total: int) -> Progress:
        return Progress(total)

    return lambda done, total, part: progress(total).show(done, part)


def add_step(commands: Commands) -> None:
    """The options of stepping through a program's backward pass."""
    parser = commands.add_parser(
        "step",
        help="step through the backward pass of your program",
        description="Run a program up to its first backward pass, and step through that in the terminal. If it makes "
        "none, step through the derivatives of the last number it computed.",
        usage="%(prog)s script.py [--html FILE] [--backward N] [arguments of the script] [-- more of them]",
        allow_abbrev=False,
    )
    parser.add_argument("script", help="the program")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page to step through instead")
    parser.add_argument("--backward", type=int, default=1, metavar="N", help="which of its backward passes (the first)")
    rest = parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    rest.required = False  # which argparse does not see by itself
    parser.set_defaults(run=lambda o: step(o, parser))


def step(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Step through; or write the page, and say where it is."""
    from minigrad.viz.steps.script import Failed, steps_of

    mine = options.rest.index("--") if "--" in options.rest else len(options.rest)
    own = argparse.ArgumentParser(prog=parser.prog, usage=parser.usage, add_help=False, allow_abbrev=False)
    own.add_argument("--html", type=Path, default=options.html)
    own.add_argument("--backward", type=int, default=options.backward)
    found, arguments = own.parse_known_args(options.rest[:mine])  # what stands behind the script may be ours, too
    if found.html is not None:
        check_file(found.html, [".html"], "--html")
    try:
        steps = steps_of(options.script, [*arguments, *options.rest[mine + 1 :]], found.backward)
    except Failed as error:
        print(error, file=sys.stderr)
        return error.status
    if found.html is None:
        steps.show()
    else:
        print(f"The steps: {steps.save(found.html)}")
    return 0
