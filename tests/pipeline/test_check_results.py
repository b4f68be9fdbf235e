import json
import os
import subprocess
import sys
from pathlib import Path

from stepwise.pipeline.check_results import compare, read_metrics

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = {"accuracy": 0.5, "accuracy_low": 0.41, "accuracy_high": 0.59, "problems": 120, "tokens": 31.5, "task": "t"}


def metrics(folder, **changed):
    path = folder / "evaluate" / "one.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**COMMITTED, **changed}))
    return read_metrics(folder)


def test_an_accuracy_agrees_inside_the_committed_interval(tmp_path):
    committed = metrics(tmp_path / "a")
    agreeing = compare(committed, metrics(tmp_path / "b", accuracy=0.41, tokens=40))
    assert [comparison.agrees for comparison in agreeing] == [True, True]
    differing = compare(committed, metrics(tmp_path / "c", accuracy=0.40, problems=119))
    assert [comparison.agrees for comparison in differing] == [False, False]


def test_a_missing_evaluation_does_not_agree(tmp_path):
    assert [comparison.agrees for comparison in compare(metrics(tmp_path), {})] == [False, False]


def test_a_file_of_rows_has_no_numbers_to_compare():
    """The committed metrics have one: the paired differences."""
    committed = read_metrics(ROOT / "metrics")
    assert (ROOT / "metrics" / "comparisons.json").is_file()
    assert "comparisons.json" not in committed
    assert all(isinstance(value, int | float) for numbers in committed.values() for value in numbers.values())


def test_a_rerun_is_made_in_a_clone_of_its_own(tmp_path):
    """A repository whose pipeline writes a single number, 0.45, where 0.5 was committed."""
    repository, package = tmp_path / "repository", tmp_path / "repository" / "src" / "stepwise"
    (package / "pipeline").mkdir(parents=True)
    metrics(repository / "metrics")
    (package / "__init__.py").touch()  # without it an installed stepwise would be found instead
    for name in ("errors.py", "pipeline/__init__.py", "pipeline/clones.py", "pipeline/check_results.py"):
        (package / name).write_text((ROOT / "src" / "stepwise" / name).read_text())
    (package / "pipeline" / "repro.py").write_text(
        "from pathlib import Path\npath = Path('metrics/evaluate/one.json')\n"
        "path.write_text(path.read_text().replace('0.5,', '0.45,'))\n"
    )
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for command in (["init", "-q"], ["add", "--all"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], cwd=repository, check=True)
    environment = {**os.environ, "PYTHONPATH": str(repository / "src")}
    command = [sys.executable, "-m", "stepwise.pipeline.check_results"]
    result = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "agrees   evaluate/one.json accuracy: 0.5 [0.41, 0.59], now 0.45" in result.stdout
    assert not (repository / ".work" / "check-results").exists()
    assert "0.5," in (repository / "metrics" / "evaluate" / "one.json").read_text()
