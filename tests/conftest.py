"""Being here, this file puts this folder on the path: `ops` is for all tests."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest
import screenshot
from cases import reset_random_numbers

from minigrad import cli

collect_ignore = [
    "benchmarks",  # run by hand; need PyTorch and micrograd
    "user_code",  # programs for the type checker, one of them wrong on purpose
    "teaching",  # programs for PyTorch, which their test runs on minigrad
    "parallel/on_ranks.py",  # a program that mpiexec runs
]

# no examples are too slow on a busy machine; and where a run decides something, they are the same each time
hypothesis.settings.register_profile("here", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("here")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--every`."""
    parser.addoption("--every", type=int, default=1, metavar="N", help="run one of N cases of each parametrized test")


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark as slow what needs PyTorch or a browser, or is exhaustive: `-m "not slow"` replaces the default `-m`."""
    seen = Counter[str]()
    for item in items:
        test = item.nodeid.partition("[")[0]
        if seen[test] % config.getoption("--every"):
            item.add_marker("exhaustive")
        seen[test] += 1
        if any(map(item.get_closest_marker, ("oracle", "browser", "exhaustive"))):
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def the_same_random_numbers_every_time() -> None:
    """What a test draws does not depend on chance, nor on which tests ran before it."""
    reset_random_numbers()


class Finished(NamedTuple):
    """How a command ended."""

    returncode: int | str | None
    stdout: str
    stderr: str


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Finished]:
    """`python -m minigrad` with the given arguments, in this process and in `tmp_path`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Finished:
        try:
            status: int | str | None = cli.main(arguments)
        except SystemExit as stop:
            status = stop.code
        return Finished(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def _chromium() -> Iterator[Any]:
    try:
        driver = screenshot.driver()
    except LookupError as error:
        pytest.skip(str(error))
    with driver as opened:
        yield opened


@pytest.fixture
def browser(_chromium: Any) -> Iterator[Any]:
    """A selenium driver of a headless Chromium, 1200 by 900; no page may write an error to its console.

    `browser.get(page.save(tmp_path / "page.html").as_uri())` opens a page. Tests that use it are marked `browser`.
    """
    _chromium.set_window_size(1200, 900)
    _chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    _chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    _chromium.get("about:blank")
    _chromium.get_log("browser")
    yield _chromium
    assert [line["message"] for line in _chromium.get_log("browser") if line["level"] in ("SEVERE", "WARNING")] == []
