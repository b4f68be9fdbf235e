"""Training on a handful of notes, and a run that is cut off in the middle, with a small model made from a config."""

from __future__ import annotations

import random
import shutil

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from stepwise.generation.base import GenerationError
from stepwise.methods.rationalyst.inference.build import RoleContext, build_roles
from stepwise.methods.rationalyst.inference.compare import compare, result_rows
from stepwise.methods.rationalyst.inference.explain import explain
from stepwise.methods.rationalyst.training.train import TrainingJob, train
from stepwise.methods.rationalyst.training.training_data import NotedDocuments
from stepwise.models.card import Card, write_card
from stepwise.models.loading import ModelError, save_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import BackendParams, SftParams, TaskParams
from stepwise.params.rationalyst import RationalystRun, RationalystSupervisionParams, RationalystTrainingParams
from stepwise.records import Document, JudgedRationale, Rationale
from stepwise.tasks.registry import get_task

FORM = TaskParams(form="n_cot", train=8, dev=4, test=4)
TASK = get_task("word_problems_text", FORM, seed=1)
TEXT = "{} is here. It goes on."
NAMES = ["Ann", "Ben", "Carla", "Dan", "Eve", "Finn", "Gina", "Hugo"]
DOCUMENTS = [Document(id=name, source="s", text=TEXT.format(name)) for name in NAMES]
JUDGED = [
    JudgedRationale(
        rationale=Rationale(
            document_id=name, source="s", position=len(name) + 9, end=len(name) + 21, text=f"go {name}"
        ),
        gain=1.0,
        keep=True,
    )
    for name in NAMES
]
RUN = RationalystRun(
    task="word_problems_text", base="", agent="", scorer="", verifier="", epochs=40, max_length=64
)  # fmt: skip
TRAINING = RationalystTrainingParams(
    dev_share=0.25, fine_tuning=SftParams(learning_rate=1e-2, batch_examples=6, evaluations=2, saves=1)
)
PARAMS = RationalystSupervisionParams(
    choosers=("greedy", "likelihood", "verifier", "explicit", "implicit"), candidates=2, steps=3, step_tokens=6,
    note_tokens=6, temperature=1.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    torch.manual_seed(0)
    texts = [TEXT.format(name) for name in NAMES] + [problem.question for problem in TASK.load("train").problems]
    tokenizer = build_tokenizer([*texts, *texts, "go"], vocabulary=400)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=512, tie_word_embeddings=True, initializer_range=0.2, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "base"
    save_model(LlamaForCausalLM(config), tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    job = TrainingJob(RUN, batch_tokens=2048, seed=1, work=folder / "work", out=folder / "rationalyst")
    result = train(base, NotedDocuments(DOCUMENTS, JUDGED), TRAINING, job)
    write_card(folder / "rationalyst", Card(method="rationalyst", task=RUN.task, model="small", task_params=FORM))
    return result, folder / "rationalyst"


def test_held_out_notes_become_likelier(trained):
    result, _ = trained
    assert (result.numbers["train_notes"], result.numbers["dev_notes"]) == (6, 2)
    assert result.numbers["dev_logprob"] > result.numbers["dev_logprob_before"] + 1
    assert len(result.told_apart) == 2
    assert set(result.told_apart) < {f"{note.rationale.document_id}@{note.rationale.position}" for note in JUDGED}


def test_the_trained_model_explains_and_another_one_does_not(trained, base, tmp_path):
    _, folder = trained
    assert explain(str(folder), "How many?", ["Ann is here."]).startswith("go")
    other = shutil.copytree(base, tmp_path / "other")
    write_card(other, Card(method="warm_up", task=RUN.task, model="small", task_params=FORM))
    with pytest.raises(ModelError, match="warm_up"):
        explain(str(other), "How many?")


def test_every_role_has_servers_of_its_own(base, monkeypatch):
    folders = dict.fromkeys(("agent", "rationalyst", "scorer", "verifier"), base)
    served = BackendParams(kind="openai")

    def make(params):
        return build_roles(folders, RUN, params, served, RoleContext(TASK, lambda _: (), seed=1))

    with pytest.raises(GenerationError, match="STEPWISE_AGENT_SERVERS"):
        make(PARAMS)
    monkeypatch.setenv("STEPWISE_AGENT_SERVERS", "http://a:1")
    with pytest.raises(GenerationError, match="STEPWISE_RATIONALYST_SERVERS"):
        make(PARAMS)
    named = {f"{role}_servers": [f"http://{role}:1"] for role in ("rationalyst", "scorer", "verifier")}
    models = make(PARAMS.model_copy(update=named))
    assert models.meters["agent"].inner.client.addresses == ["http://a:1"]
    assert models.meters["scorer"].inner.client.addresses == ["http://scorer:1"]
    assert models.roles.concurrent


def supervised(base, rationalyst, work):
    folders = {"agent": base, "rationalyst": rationalyst, "scorer": base, "verifier": base}
    models = build_roles(folders, RUN, PARAMS, BackendParams(), RoleContext(TASK, lambda _: (), seed=1, work=work))
    results = compare(models, TASK, TASK.load("test").problems, PARAMS, seed=1)
    return {name: result.predictions for name, result in results.items()}, result_rows(results, seed=1)


def test_a_run_that_is_cut_off_ends_with_the_same_rows(trained, base, tmp_path, monkeypatch):
    whole = supervised(base, trained[1], tmp_path / "whole")
    passes = sorted((tmp_path / "whole").rglob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    forwards = []
    forward = LlamaForCausalLM.forward

    def counted(self, *args, **kwargs):
        forwards.append(1)
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(LlamaForCausalLM, "forward", counted)
    assert supervised(base, trained[1], tmp_path / "other") == whole
    needed = len(forwards)
    for cut in random.Random(3).sample(range(2, len(passes)), 3):
        work = tmp_path / f"cut{cut}"
        for path in passes[:cut]:
            target = work / path.relative_to(tmp_path / "whole")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        with target.open("r+b") as last:
            last.truncate(target.stat().st_size // 2)
        forwards.clear()
        assert supervised(base, trained[1], work) == whole
        assert 0 < len(forwards) < needed
