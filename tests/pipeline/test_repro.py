from __future__ import annotations

from pathlib import Path

import pytest

from stepwise import params
from stepwise.params.compose import compose
from stepwise.pipeline import repro, scheduler

CONF = Path(__file__).resolve().parents[2] / "conf"


def composed(folder: Path, *overrides: str) -> params.Params:
    (folder / "params.yaml").write_text(compose(overrides, CONF))
    return params.load(folder / "params.yaml")


@pytest.mark.parametrize("scale", sorted(path.stem for path in (CONF / "scale").glob("*.yaml")))
def test_every_scale_makes_what_its_chapters_start_from(scale: str, tmp_path: Path) -> None:
    repro.check_choice(composed(tmp_path, f"scale={scale}"))


def test_a_task_of_the_warm_up_that_is_not_chosen_is_named(tmp_path: Path) -> None:
    with pytest.raises(params.ParamsError, match=r"warm_up_tasks names svamp, .*task=\[\.\.\.,svamp\]"):
        repro.check_choice(composed(tmp_path, "warm_up_tasks=[svamp]"))


@pytest.mark.parametrize("scale", ["smoke", "default"])
def test_other_tasks_can_be_chosen_beside_those_that_methods_need(scale: str, tmp_path: Path) -> None:
    repro.check_choice(composed(tmp_path, f"scale={scale}", "task=[svamp,mathqa,word_problems_text]"))


def test_every_method_is_asked(tmp_path: Path) -> None:
    with pytest.raises(params.ParamsError, match="which is not among the tasks"):
        repro.check_choice(composed(tmp_path, "task=[svamp]"))


def test_no_more_stages_run_here_than_there_are_cores(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert repro.parallel_stages(composed(tmp_path).launcher) == 1
    assert repro.parallel_stages(composed(tmp_path, "launcher=slurm").launcher) == 8
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert repro.parallel_stages(composed(tmp_path).launcher) == 2
    assert repro.parallel_stages(composed(tmp_path, "scale=gpu").launcher) == 1


def test_a_number_of_stages_is_checked(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["pipeline", "--jobs", "0"])
    with pytest.raises(SystemExit):
        repro.main()
    assert "'0' is not a number of stages: 1, 2, ..." in capsys.readouterr().err


def test_the_stage_that_failed_is_named_last(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The others print more while they are waited for, so its own error is far up."""
    monkeypatch.setattr(scheduler, "stale", lambda patterns, file: {"first": set(), "second": {"first"}})
    monkeypatch.setattr(scheduler, "dvc_repro", lambda stage, environment: 255)
    assert repro.bring_up_to_date("dvc.yaml", (), 2, {}) == 1
    assert capsys.readouterr().err.endswith("\nfirst failed; the lines above that start with its name say why.\n")
