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


@pytest.mark.parametrize("scale", ["smoke", "default"])
def test_other_tasks_can_be_chosen_beside_rationalysts_own(scale: str, tmp_path: Path) -> None:
    repro.check_choice(composed(tmp_path, f"scale={scale}", "task=[svamp,mathqa,word_problems_text]"))


def test_reft_takes_the_first_task(tmp_path: Path) -> None:
    of = composed(tmp_path, "task=[svamp,gsm8k,word_problems_text]")
    assert of.reft_tasks == ["svamp"]
    repro.check_choice(of)


def test_a_task_that_rationalyst_lacks_is_named_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(repro.PipelineError, match=r"rationalyst_tasks names word_problems_text, .*task=\[\.\.\.,"):
        repro.check_choice(composed(tmp_path, "task=[svamp]"))


def test_a_model_that_rationalyst_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(repro.PipelineError, match=r"tiny\.base is models/base/tiny, .*model=\["):
        repro.check_choice(composed(tmp_path, "model=[tiny-t5]"))


def test_a_transfer_needs_its_run_its_task_and_its_agent(tmp_path: Path) -> None:
    repro.check_choice(composed(tmp_path, "rationalyst_transfer=[tiny]"))
    with pytest.raises(repro.PipelineError, match=r"tiny-multistep_arithmetic\.run is tiny, .*rationalyst_run=\["):
        repro.check_choice(composed(tmp_path, "rationalyst_transfer=[tiny]", "rationalyst_run=[smollm2]"))
    with pytest.raises(repro.PipelineError, match=r"smollm2-gsm8k_text\.task names gsm8k_text"):
        repro.check_choice(composed(tmp_path, "rationalyst_transfer=[smollm2]"))
    with pytest.raises(repro.PipelineError, match=r"agent is models/warm_up/multi.*another rationalyst_transfer"):
        repro.check_choice(
            composed(tmp_path, "rationalyst_transfer=[tiny]", "warm_up_tasks=[word_problems_text]", "reft_tasks=[]")
        )


def test_stages_at_once_are_bounded_by_the_cores_where_they_compute_here(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert repro.default_jobs(composed(tmp_path).launcher) == 1
    assert repro.default_jobs(composed(tmp_path, "launcher=slurm").launcher) == 8
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert repro.default_jobs(composed(tmp_path).launcher) == 2
    assert repro.default_jobs(composed(tmp_path, "scale=gpu").launcher) == 1


def test_a_number_of_stages_is_checked(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["pipeline", "--jobs", "0"])
    with pytest.raises(SystemExit):
        repro.main()
    assert "'0' is not a number of stages: 1, 2, ..." in capsys.readouterr().err


def test_the_stage_that_failed_is_named_last(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Others say more while they are waited for, so what is wrong would be far up."""
    monkeypatch.setattr(scheduler, "stale", lambda patterns, file: {"first": set(), "second": {"first"}})
    monkeypatch.setattr(scheduler, "dvc_repro", lambda stage, environment: 255)
    assert repro.bring_up_to_date("dvc.yaml", (), 2, {}) == 1
    assert capsys.readouterr().err.endswith("\nfirst failed; the lines above that begin with its name say why.\n")
