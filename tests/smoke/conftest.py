"""The clone in which the whole pipeline has run once, at smoke scale."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.smoke.clones import Project, clone, core_seconds

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str, float]:
    """The clone, the output of its first run, and how many seconds of one core that took."""
    project = clone(ROOT, tmp_path_factory.mktemp("smoke") / "clone")
    begun = core_seconds()
    output = project.make_repro()
    return project, output, core_seconds() - begun


@pytest.fixture
def project(finished: tuple[Project, str, float]) -> Project:
    return finished[0]
