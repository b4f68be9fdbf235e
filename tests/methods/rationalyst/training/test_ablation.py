"""Variants of RATIONALYST: which model each trains, and on which rows."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from stepwise.methods.rationalyst.training.ablation import Agent, train_variant
from stepwise.methods.rationalyst.training.train import TrainingJob
from stepwise.methods.rationalyst.training.training_data import NotedDocuments
from stepwise.models.loading import save_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import SftParams, TaskParams
from stepwise.params.rationalyst import RationalystAblation, RationalystRun, RationalystTrainingParams
from stepwise.records import Document, JudgedRationale, Rationale, write_jsonl
from stepwise.tasks.registry import get_task
from stepwise.training.resumable_run import TrainingError

TASK = get_task("word_problems_text", TaskParams(form="n_cot", train=6, dev=2, test=2), seed=1)
PROBLEMS = TASK.load("train").problems
DOCUMENTS = [
    Document(id=problem.id, source="s", text=problem.question + " So it is.") for problem in PROBLEMS[:4]
]  # fmt: skip
TUNING = SftParams(learning_rate=1e-3, batch_examples=2, evaluations=1, saves=1)
TRAINING = RationalystTrainingParams(dev_share=0.25, fine_tuning=TUNING)
RUN = RationalystRun(task="word_problems_text", base="", agent="", scorer="", verifier="", epochs=2, max_length=256)


def judged(number: int, *, keep: bool) -> JudgedRationale:
    document, position = DOCUMENTS[number], len(PROBLEMS[number].question)
    end = len(document.text)
    note = Rationale(document_id=document.id, source="s", position=position, end=end, text="Add them")
    return JudgedRationale(rationale=note, gain=1.0 if keep else -1.0, keep=keep)


JUDGED = [judged(0, keep=True), judged(1, keep=True), judged(2, keep=False), judged(3, keep=False)]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    torch.manual_seed(0)
    texts = [problem.question + problem.reference.text for problem in PROBLEMS]
    tokenizer = build_tokenizer([*texts, *texts], vocabulary=400)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=512, tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "base"
    save_model(LlamaForCausalLM(config), tokenizer, folder)
    return folder


def trained(variant, base, folder, documents=DOCUMENTS):
    write_jsonl(folder / "data" / "train.jsonl", PROBLEMS)
    write_jsonl(folder / "data" / "dev.jsonl", TASK.load("dev").problems)
    agent = Agent(base, TASK, folder / "data", TUNING, new_tokens=8)
    job = TrainingJob(RUN, batch_tokens=1000, seed=1, work=folder / "work", out=folder / "model")
    data = NotedDocuments(documents, JUDGED)
    return folder / "model", train_variant(variant, data, TRAINING, base=base, agent=agent, job=job)


def test_a_variant_changes_only_what_it_names():
    changed = RationalystAblation(share=0.1).applied_to(TRAINING)
    assert (changed.share, changed.notes, changed.dev_share) == (0.1, "kept", 0.25)
    assert RationalystAblation(notes="shuffled").applied_to(TRAINING).share == 1.0


def test_unfiltered_notes_are_all_notes(base, tmp_path):
    _, kept = trained(RationalystAblation(), base, tmp_path / "kept")
    folder, unfiltered = trained(RationalystAblation(notes="unfiltered"), base, tmp_path / "all")
    assert (kept["notes"], unfiltered["notes"]) == (2, 4)
    assert (folder / "model.safetensors").is_file()


def test_the_agent_learns_the_mined_solutions_alone(base, tmp_path):
    """4 of the 6 training problems were mined: 2 epochs of 2 steps of 2."""
    folder, numbers = trained(RationalystAblation(agent=True, chooser="greedy"), base, tmp_path)
    assert numbers == {"rows": 4, "steps": 4, "dev_score": 0.0}
    assert (folder / "model.safetensors").is_file()


def test_documents_of_another_task_leave_the_agent_nothing_to_learn(base, tmp_path):
    other = [Document(id="elsewhere", source="s", text="A b.")]
    with pytest.raises(TrainingError, match="none of 1 mined documents is a training problem of word_problems"):
        trained(RationalystAblation(agent=True), base, tmp_path, other)
