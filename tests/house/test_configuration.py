"""Every file under conf/ composes to valid parameters, and params.yaml is what its scale composes to."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stepwise import params
from stepwise.params import compose

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
GROUPS = {name: name + "=[{}]" for name in ("task", "model", "instruct", "rationalyst_run", "rationalyst_transfer")}
"""Groups of which a run may choose several entries; of the others it chooses one."""

MEMBERSHIPS = {
    "warm_up_task": "task",
    "tripost_task": "task",
    "refiner_task": "task",
    "warm_up_model": "model",
    "refiner_model": "model",
}
"""Groups that the files of another group name in their defaults to say who trains on them; no run chooses them."""


def choices() -> list[str]:
    files = [path.relative_to(CONF) for path in sorted(CONF.glob("*/*.yaml"))]
    files = [path for path in files if path.parts[0] not in MEMBERSHIPS]
    return [GROUPS.get(path.parts[0], path.parts[0] + "={}").format(path.stem) for path in files]


@pytest.mark.parametrize("choice", choices())
def test_every_choice_composes_to_valid_parameters(choice: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(compose.compose([choice], CONF))
    params.load(tmp_path / "params.yaml")


def test_params_yaml_is_the_composition_of_its_scale() -> None:
    lying = ROOT / "params.yaml"
    scale = params.load(lying).scale
    assert lying.read_text() == compose.compose([f"scale={scale}"], CONF), f"`make params SCALE={scale}` writes it"


def test_every_method_of_a_scale_is_composed_into_it() -> None:
    """conf/scale/SCALE/METHOD.yaml is read only where the defaults of conf/scale/SCALE.yaml name it."""
    for path in sorted(CONF.glob("scale/*/*.yaml")):
        scale, method = path.parent.name, path.stem
        defaults = yaml.safe_load((CONF / "scale" / f"{scale}.yaml").read_text())["defaults"]
        assert f"{scale}/{method}" in defaults, f"conf/scale/{scale}.yaml does not read {scale}/{method}.yaml"


def test_a_bad_override_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(params.ParamsError, match=r"scale=none"):
        compose.compose(["scale=none"], CONF)


def test_an_invalid_composition_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    target = tmp_path / "params.yaml"
    target.write_text("old")
    with pytest.raises(params.ParamsError, match=r"warm_up\.no_such_key: unknown parameter"):
        compose.write(["+warm_up.no_such_key=1"], target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


@pytest.mark.parametrize("group", ["task", "model"])
def test_a_file_says_who_trains_on_it_under_its_own_name(group: str) -> None:
    """A name copied from another file would make a stage for an entry that the run may not have."""
    for path in sorted((CONF / group).glob("*.yaml")):
        memberships = [entry for entry in yaml.safe_load(path.read_text()).get("defaults", []) if entry != "_self_"]
        expected = [
            {f"/{name}@_global_.{name}.{path.stem}": "trained"}
            for name, of in MEMBERSHIPS.items()
            if of == group and f"/{name}@" in path.read_text()
        ]
        assert memberships == expected != [], f"{path.name} must name itself, and who trains on it"


def test_an_instruct_model_is_the_base_model_of_its_name() -> None:
    """Its file cannot include the other one, which also says who trains on it."""
    entries = yaml.safe_load(compose.compose(["model=[smollm2,tiny]", "instruct=[smollm2,tiny]"], CONF))
    assert entries["instruct"] == entries["model"]
