"""TriPosT's stages as processes, on a few problems and a tiny model, killed with SIGKILL and run again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from stepwise.methods.tripost.replay import Weighting, cut_rows
from stepwise.methods.tripost.rounds.editing_round import Editor, edit_passes
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.methods.tripost.teacher.teachers import scripted_teacher
from stepwise.models.loading import save_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import SftParams, load
from stepwise.records import (
    Problem,
    SampledTrajectory,
    Trajectory,
    Turn,
    read_jsonl,
    write_jsonl,
)
from stepwise.training import sft
from tests.kills import Stage, leaves_old_or_new_outputs, survives_a_kill_in_a_pass, survives_kills_in_training
from tests.workspaces import make_workspace, start

TASK = "multistep_arithmetic"
PARAMS = [
    f"task=[{TASK}]",
    "limits.train=8",
    "limits.dev=2",
    "limits.new_tokens=200",
    f"task.{TASK}.options.train_lengths=[2]",
    f"task.{TASK}.options.train_depths=[[2]]",
    "backend.batch_tokens=2400",
    "tripost_collect.passes=2",
    "tripost_collect.temperature=0.5",
    "tripost_inference.max_updates=2",
    "tripost_inference.feedback_tokens=100",
    "tripost_training.epochs=6",
    "tripost_training.fine_tuning.batch_examples=2",
    "tripost_training.fine_tuning.dev_examples=1",
    "tripost_training.fine_tuning.saves=9",
]
"""Enough batches and checkpoints to kill a stage between them."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with problems, a model that criticises its attempts, its trajectories, and these edited."""
    folder = make_workspace(tmp_path_factory.mktemp("workspace"), PARAMS)
    params = load(folder / "params.yaml")
    setup = TripostSetup.load(params, TASK, "tiny")
    train = setup.task.load("train").problems
    write_jsonl(folder / "data" / "train.jsonl", train)
    write_jsonl(folder / "data" / "dev.jsonl", setup.task.load("dev").problems)
    editor = Editor(setup.task, *scripted_teacher(TASK), params.tripost_edit.max_updates)
    lesson = corrected_mistake(train[0], setup, editor)
    make_model(folder, setup, train, lesson)
    sampled = [SampledTrajectory(problem_id=problem.id, turns=lesson.turns) for problem in train]
    write_jsonl(folder / "sampled.jsonl", sampled)
    edited = edit_passes(sampled, {problem.id: problem for problem in train}, editor)
    assert sum(bool(result.outcome) for result in edited) == len(train)
    write_jsonl(folder / "edited.jsonl", edited)
    return folder


def corrected_mistake(problem: Problem, setup: TripostSetup, editor: Editor) -> Trajectory:
    """The gold solution with another final answer, and what the editor makes of it."""
    assert problem.reference is not None
    wrong = setup.task.parse(problem.reference.text.replace(f"answer is {problem.answer}.", "answer is 99."))
    written = SampledTrajectory(problem_id=problem.id, turns=(Turn(solution=wrong),))
    (result,) = editor.edit([(problem, written)])
    assert len(result.trajectory.turns) == 2
    return result.trajectory


def make_model(folder: Path, setup: TripostSetup, problems: list[Problem], lesson: Trajectory) -> None:
    """A model that answers every problem with the same trajectory, so that its conversations have several turns."""
    prompts = [setup.task.prompt(problem) for problem in problems]
    rows = [row.example for prompt in prompts for row in cut_rows(lesson, prompt, Weighting(answer_only=True))]
    texts = ["".join(span.text for span in row.spans) for row in rows]
    tokenizer = build_tokenizer(texts, vocabulary=380)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=2,
        tie_word_embeddings=True, max_position_embeddings=2048, eos_token_id=1, pad_token_id=0, bos_token_id=None,
    )  # fmt: skip
    save_model(LlamaForCausalLM(config), tokenizer, folder / "random")
    params = SftParams(learning_rate=1e-2, batch_examples=4, max_length=1024, saves=1)
    sft.train(folder / "random", rows, params, sft.TrainSetup(seed=1, work=folder / "w", out=folder / "m"), epochs=40)


def stage(workspace: Path, name: str, arguments: str, outs: str) -> Stage:
    """A stage with its inputs (`arguments`, a command line) and the names of its outputs, in a folder of the stage."""
    paths = {key: Path(name) / key for key in outs.split()}
    shutil.rmtree(workspace / name, ignore_errors=True)
    options = [word for key, path in paths.items() for word in (f"--{key}", str(path))]
    command = [f"stages/{name}.py", *arguments.split(), *options]
    return Stage(
        lambda: start(workspace, *command), workspace / ".work" / name, [workspace / path for path in paths.values()]
    )


@pytest.mark.slow
def test_collecting(workspace: Path, tmp_path: Path) -> None:
    collect = stage(workspace, "tripost_collect", f"--number 1 --task {TASK} --model tiny --data data --start m", "out")
    survives_a_kill_in_a_pass(collect, "*/journal/*.jsonl", tmp_path)
    sampled = read_jsonl(collect.outs[0], SampledTrajectory)
    assert any(len(trajectory.turns) > 1 for trajectory in sampled), "no conversation went further than its attempt"


@pytest.mark.slow
def test_editing(workspace: Path) -> None:
    arguments = f"--task {TASK} --problems data/train.jsonl --sampled sampled.jsonl --teacher checkpoints/tiny"
    edit = stage(workspace, "tripost_edit", arguments, "out metrics")
    command = ["stages/tripost_edit.py", *arguments.split()]
    command += ["--out", "tripost_edit/out", "--metrics", "tripost_edit/metrics"]
    modules = (
        "stepwise.tasks.registry",
        "stepwise.methods.tripost.rounds.editing_round",
        "stepwise.methods.tripost.teacher.teachers",
    )
    leaves_old_or_new_outputs(edit, lambda *dying, **pipes: start(workspace, *dying, *command, **pipes), modules)
    assert edit.outs[0].read_bytes() == (workspace / "edited.jsonl").read_bytes()


@pytest.mark.slow
def test_training(workspace: Path) -> None:
    arguments = f"--name tripost_1 --number 1 --task {TASK} --model tiny --data data --start m --edited edited.jsonl"
    survives_kills_in_training(stage(workspace, "tripost_train", arguments, "out metrics plot"), kills=3)
