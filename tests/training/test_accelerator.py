"""Where a run computes: DeepSpeed's settings parse, and a missing file or package is one clear error."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from stepwise.training.accelerator import DeviceError, make_accelerator

FILES = sorted((Path(__file__).resolve().parents[2] / "conf" / "deepspeed").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_deepspeed_file_is_a_plugin_without_offload(path):
    from accelerate import DeepSpeedPlugin

    plugin = DeepSpeedPlugin(hf_ds_config=str(path))
    assert plugin.zero_stage == int(path.stem.removeprefix("zero"))
    assert plugin.deepspeed_config["bf16"] == {"enabled": True}
    assert plugin.offload_optimizer_device == plugin.offload_param_device == "none"
    assert plugin.zero3_save_16bit_model is (plugin.zero_stage == 3)


def test_the_stages_are_there():
    assert [path.stem for path in FILES] == ["zero2", "zero3"]


def test_a_missing_file_is_one_error():
    with pytest.raises(DeviceError, match=r"conf/deepspeed/zero9\.json does not exist; warm_up\.deepspeed"):
        make_accelerator("conf/deepspeed/zero9.json")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_missing_package_is_one_error(path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DeviceError, match="deepspeed is missing"):
        make_accelerator(str(path))
