"""REFINER's stages as processes, on a few problems, killed with SIGKILL and run again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stepwise.methods.refiner.domains.registry import domain_of
from stepwise.methods.refiner.perturbation import perturbed, split
from stepwise.params import load
from stepwise.records import write_json, write_jsonl
from stepwise.tasks.registry import get_task
from tests.kills import Stage, leaves_old_or_new_outputs, survives_kills_in_training
from tests.workspaces import make_workspace, start

TASK = "word_problems_formula"
MODEL = "checkpoints/tiny-t5"
PARAMS = [
    "limits.train=8",
    "limits.dev=2",
    "limits.new_tokens=24",
    "refiner_critic.epochs=3",
    "refiner_critic.own_samples=1",
    "refiner_critic.fine_tuning.saves=9",
    "refiner_train.epochs=6",
    "refiner_train.turns=3",
    "refiner_train.perturbed=1",
    "refiner_train.top_p=1.0",
    "refiner_train.fine_tuning.batch_examples=4",
    "refiner_train.fine_tuning.dev_examples=2",
    "refiner_train.fine_tuning.saves=9",
]
"""Enough windows and checkpoints to kill a stage between them."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with problems and perturbed solutions."""
    folder = make_workspace(tmp_path_factory.mktemp("workspace"), PARAMS)
    params = load(folder / "params.yaml")
    task = get_task(TASK, params.limits.cap(params.task[TASK]), seed=params.seed)
    train = task.load("train").problems
    write_jsonl(folder / "data" / "train.jsonl", train)
    write_jsonl(folder / "data" / "dev.jsonl", task.load("dev").problems)
    for name, part in zip(("train", "held_out"), split(train, 0.25, params.seed), strict=True):
        rows = perturbed(domain_of(TASK), part, params.refiner_perturb, params.seed)
        write_jsonl(folder / "perturbed" / f"{name}.jsonl", rows)
    return folder


def stage(workspace: Path, name: str, arguments: str, outs: str) -> tuple[Stage, list[str]]:
    """A stage with its inputs (`arguments`, a command line) and the names of its outputs; and its whole command."""
    paths = {key: Path(name) / key for key in outs.split()}
    shutil.rmtree(workspace / name, ignore_errors=True)
    options = [word for key, path in paths.items() for word in (f"--{key}", str(path))]
    command = [f"stages/{name}.py", *arguments.split(), *options]
    work, files = workspace / ".work" / name, [workspace / path for path in paths.values()]
    return Stage(lambda: start(workspace, *command), work, files), command


@pytest.mark.slow
def test_perturbing(workspace: Path) -> None:
    perturb, command = stage(workspace, "refiner_perturb", f"--task {TASK} --problems data/train.jsonl", "out metrics")
    modules = ("stepwise.methods.refiner.domains.registry", "stepwise.methods.refiner.perturbation")
    leaves_old_or_new_outputs(perturb, lambda *dying, **pipes: start(workspace, *dying, *command, **pipes), modules)


@pytest.mark.slow
def test_training_the_critic(workspace: Path) -> None:
    arguments = f"--task {TASK} --model tiny-t5 --data data --perturbed perturbed --base {MODEL} --generator {MODEL}"
    survives_kills_in_training(stage(workspace, "refiner_train_critic", arguments, "out metrics plot")[0], kills=2)


@pytest.mark.slow
def test_training_the_generator(workspace: Path) -> None:
    arguments = f"--task {TASK} --model tiny-t5 --data data --start {MODEL}"
    survives_kills_in_training(stage(workspace, "refiner_train_generator", arguments, "out metrics plot")[0], kills=3)


@pytest.mark.slow
def test_the_stages_that_only_learn_references_or_rewards(workspace: Path) -> None:
    """They share their training with other methods, whose tests kill it."""
    write_json(workspace / "budget.json", {"steps": 2.0, "tokens": 800.0})
    common = f"--task {TASK} --model tiny-t5 --data data"
    for name, arguments, outs in (
        ("refiner_warm_start", f"{common} --base {MODEL}", "out plot"),
        ("refiner_continue", f"{common} --start {MODEL} --budget budget.json", "out metrics plot"),
        ("refiner_train_ppo", f"{common} --start {MODEL}", "out metrics plot"),
    ):
        run, _ = stage(workspace, name, arguments, outs)
        run.run()
        assert (run.outs[0] / "model.safetensors").is_file()
        assert (run.outs[0] / "card.json").is_file()
