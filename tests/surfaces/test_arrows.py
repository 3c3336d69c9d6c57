"""The lecture's three arrows, and the animated map of a race."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

from minigrad import surfaces
from minigrad.optim import rules


def test_the_steps_are_those_of_the_rules() -> None:
    valley = surfaces.surface("valley")
    x, v = np.array([-3.0, 0.7]), np.array([0.5, -0.4])
    steps = surfaces.steps_from(valley, x, v, learning_rate=0.01, mu=0.8)
    after, _ = rules.momentum(x, valley.gradient(x)[1], {"v": v}, 0.01, 0.8)
    np.testing.assert_allclose(x + steps.actual, after, rtol=1e-14)
    ahead = x + 0.8 * v
    _, state = rules.nesterov(ahead, valley.gradient(ahead)[1], {"v": v, "theta": x}, 0.01, 0.8)
    np.testing.assert_allclose(x + steps.nesterov_actual, state["theta"], rtol=1e-14)
    np.testing.assert_array_equal(steps.momentum + steps.gradient, steps.actual)
    np.testing.assert_array_equal(steps.momentum + steps.nesterov_gradient, steps.nesterov_actual)


def test_six_arrows_and_their_names() -> None:
    run = surfaces.race("valley", ["momentum"], learning_rate=0.01, steps=5)["momentum"]
    picture = surfaces.arrows(surfaces.surface("valley"), run.positions, run.states["v"][-1], 0.01)
    ElementTree.fromstring(picture)
    for name in ("Momentum", "Nesterov momentum", "momentum step", "gradient step", "actual step"):
        assert f">{name}</text>" in picture
    starts = re.findall(r"translate\((-?[\d.]+),(-?[\d.]+)\) rotate", picture)
    assert len(starts) == 6 + 3
    assert (
        len(set(starts[:5])) == 2 and starts[4] != starts[0] == starts[3]
    )  # Nesterov's gradient step alone starts elsewhere


def test_the_map_moves_step_by_step() -> None:
    race = surfaces.race("saddle", ["sgd", "adam"], steps=20)
    assert "<animate" not in race.map()
    tree = ElementTree.fromstring(race.map(seconds=5))
    moves = [e for e in tree.iter() if e.tag.rpartition("}")[2].startswith("animate")]
    assert len(moves) == 4
    for move in moves:
        times = [float(t) for t in move.attrib["keyTimes"].split(";")]
        assert times == sorted(times) and (times[0], times[-2], times[-1]) == (0, 0.8, 1)
        assert len(times) == len(move.attrib["values"].split(";")) == 22
        assert move.attrib["dur"] == "5s"


def test_a_rule_that_diverges_stops_running_there() -> None:
    race = surfaces.race("valley", ["sgd", "momentum"], learning_rate={"sgd": 0.03, "momentum": 0.01}, steps=40)
    assert race["sgd"].diverged is not None
    tree = ElementTree.fromstring(race.map(seconds=5))
    first = next(e for e in tree.iter() if e.tag.endswith("animateTransform"))
    times = [float(t) for t in first.attrib["keyTimes"].split(";")]
    assert len(times) == len(race["sgd"].positions) + 1 and times[-2] < 0.8
