from __future__ import annotations

from pathlib import Path

import pytest

from stepwise import params, pipeline
from stepwise.compose import compose

CONF = Path(__file__).resolve().parents[1] / "conf"


def composed(folder: Path, *overrides: str) -> params.Params:
    (folder / "params.yaml").write_text(compose(overrides, CONF))
    return params.load(folder / "params.yaml")


@pytest.mark.parametrize("scale", sorted(path.stem for path in (CONF / "scale").glob("*.yaml")))
def test_every_scale_makes_what_its_chapters_start_from(scale: str, tmp_path: Path) -> None:
    pipeline.check_choice(composed(tmp_path, f"scale={scale}"))


def test_reft_takes_the_first_task(tmp_path: Path) -> None:
    of = composed(tmp_path, "task=[svamp,gsm8k,word_problems_text]")
    assert of.reft_tasks == ["svamp"]
    pipeline.check_choice(of)


def test_a_task_that_rationalyst_lacks_is_named_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(pipeline.PipelineError, match=r"rationalyst_tasks names word_problems_text, .*task=\[\.\.\.,"):
        pipeline.check_choice(composed(tmp_path, "task=[svamp]"))


def test_a_model_that_rationalyst_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(pipeline.PipelineError, match=r"tiny\.base is models/base/tiny, .*model=\["):
        pipeline.check_choice(composed(tmp_path, "model=[tiny-t5]"))
