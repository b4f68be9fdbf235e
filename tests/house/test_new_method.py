"""A method is added to a clone as CONTRIBUTING.md says, and is at work: its stage, its command, its chapter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.smoke.clones import Project, clone

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TOY = Path(__file__).with_name("toy_method")
"""The rooms of a toy method, `wordcount`, as they go into the repository, and its chapter of dvc.yaml."""
ROOMS = ("src", "stages", "conf")


def edit(path: Path, *changes: tuple[str, str]) -> None:
    """Replace the first occurrence of each text, which must be there."""
    text = path.read_text()
    for old, new in changes:
        assert old in text, f"{path.name} has no {old!r}"
        text = text.replace(old, new, 1)
    path.write_text(text)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = clone(ROOT, tmp_path_factory.mktemp("clones") / "clone")
    folder = project.folder
    # Its own rooms.
    for room in ROOMS:
        shutil.copytree(TOY / room, folder / room, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    # The chapter of dvc.yaml, and what the report reads of it.
    edit(
        folder / "dvc.yaml",
        ("  report:\n", (TOY / "chapter.yaml").read_text() + "  report:\n"),
        (
            "      - src/stepwise/methods/registry.py\n",
            "      - src/stepwise/methods/registry.py\n      - src/stepwise/methods/wordcount/method.py\n",
        ),
        ("      - metrics/rationalyst\n", "      - metrics/rationalyst\n      - metrics/wordcount\n"),
        (
            "      - rationalyst_runs\n      - rationalyst_transfers\n",
            "      - rationalyst_runs\n      - rationalyst_transfers\n      - wordcount_tasks\n",
        ),
    )
    # conf/ and slurm/resources.yaml.
    edit(
        folder / "conf/scale/default.yaml",
        ("  - default/rationalyst\n", "  - default/rationalyst\n  - default/wordcount\n"),
    )
    edit(folder / "slurm/resources.yaml", ("base_model:\n", "wordcount_count:\n  cpus: 1\n\nbase_model:\n"))
    # Its registration: the method, and its keys of params.yaml.
    edit(
        folder / "src/stepwise/methods/registry.py",
        ("import Tripost\n", "import Tripost\nfrom stepwise.methods.wordcount.method import WordCount\n"),
        ("Tripost())", "Tripost(), WordCount())"),
    )
    edit(
        folder / "src/stepwise/params/__init__.py",
        ("import TripostKeys\n", "import TripostKeys\nfrom stepwise.params.wordcount import WordCountKeys\n"),
        ("TripostKeys):", "TripostKeys, WordCountKeys):"),
    )
    project.run("python", "-m", "stepwise.params.compose")
    project.commit("A method that counts words")
    return project


def test_it_keeps_the_rules_of_the_house(project: Project) -> None:
    files = [f"tests/house/test_{name}.py" for name in ("layers", "dvc_yaml", "configuration")]
    rules = "layers or wordcount or report or its_scale or into_it"
    project.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", rules, *files)
    project.run("ruff", "check", ".")
    project.run("ruff", "format", "--check", ".")


def test_its_stage_runs_and_the_report_shows_its_chapter(project: Project) -> None:
    project.run("dvc", "repro", "wordcount_count@word_problems", STEPWISE_TRACKING="off")
    words = json.loads((project.folder / "metrics/wordcount/word_problems.json").read_text())["words"]
    assert 5 < words <= 20
    assert "Word count, words a question" in (shown := project.run("python", "-m", "stepwise", "report"))
    assert f"word_problems    {words:.1f}" in shown


def test_its_command_is_on_the_command_line(project: Project) -> None:
    assert project.run("python", "-m", "stepwise", "count", "How many words?") == "3 words\n"
    assert "Count a question's words." in project.run("python", "-m", "stepwise", "--help")


def test_make_repro_asks_it_before_anything_runs(project: Project) -> None:
    project.run("python", "-m", "stepwise.params.compose", "wordcount_tasks=[svamp]")
    message = project.run("python", "-m", "stepwise.pipeline.repro", fails=True)
    assert "wordcount_tasks names svamp, which is not among the tasks" in message
    project.run("git", "checkout", "-q", "params.yaml")
