"""Models from scratch: tokenizer, random weights, and training on generated text that teaches only general skills."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.models.card import BaseModelCard
from stepwise.models.loading import ModelError, load_model, save_model
from stepwise.models.sources import write_base_model_card
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import ArchitectureParams, ModelParams, PretrainParams, SftParams
from stepwise.pretraining.initialisation import first_model
from stepwise.pretraining.text import base_examples, common_words, tokenizer_texts
from stepwise.training.sft import TrainSetup, train

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENIZER_TEXTS = 8000
NOTES = (
    "Made from nothing on generated text. Knows the wording of the tasks, small sums and programs, and nothing else."
)


def pretrain(name: str, params: ModelParams, *, steps: int = 0, seed: int, work: Path, out: Path) -> BaseModelCard:
    """Train a base model from scratch and write it, in bfloat16, to `out`.

    Args:
        name: the model's name, for its card.
        params: `architecture` and `pretrain` say what is made and how long it is trained.
        steps: limits the optimiser steps; 0 takes all that the parameters say.
        seed: decides text, first weights and order.
        work: folder for work in progress; a killed run resumes from it.
        out: the new folder.
    """
    if params.architecture is None or params.pretrain is None:
        raise ModelError(f"model.{name} has no architecture or no pretrain section, so nothing says what to make")
    budget, limit = params.pretrain, min(steps or params.pretrain.steps, params.pretrain.steps)
    batch = max(1, budget.examples // budget.steps)
    tokenizer = make_tokenizer(params.architecture, min(TOKENIZER_TEXTS, batch * limit * 20), seed)
    save_model(first_model(params.architecture, tokenizer, seed), tokenizer, work / "start")
    seq2seq = params.architecture.family == "t5"
    examples = itertools.islice(base_examples(budget.examples, seed, seq2seq=seq2seq), batch * limit)
    result = train(
        work / "start",
        list(examples),
        sft_params(budget, batch, params.architecture.max_length),
        TrainSetup(seed=seed, work=work / "training", out=work / "trained"),
        epochs=1,
    )
    model, _ = load_model(work / "trained", "bfloat16")
    save_model(model, tokenizer, out)
    figures = {"tokens": result.tokens, "steps": result.steps, "last_loss": round(result.curve[-1]["loss"], 4)}
    recipe: Any = params.model_dump(mode="json", include={"architecture", "pretrain"}) | figures | {"seed": seed}
    return write_base_model_card(
        out, source="pretrain", licence=params.licence, notes=NOTES, made=recipe, rebuild=rebuild(name)
    )


def rebuild(name: str) -> str:
    """The command that trains a shipped model again, up to the machine's rounding; its time is in conf/model."""
    return f"dvc exp run -S 'model=[{name}]' -S model.{name}.source=pretrain base_model@{name}"


def make_tokenizer(shape: ArchitectureParams, texts: int, seed: int) -> PreTrainedTokenizerBase:
    """The tokenizer: words of stories, programs and instructions are single tokens, words to be sorted are spelled."""
    return build_tokenizer(
        tokenizer_texts(texts, seed), vocabulary=shape.vocabulary, words=common_words(), max_length=shape.max_length
    )


def sft_params(budget: PretrainParams, batch: int, max_length: int) -> SftParams:
    """Pretraining as supervised fine-tuning: questions are only read, solutions are learned."""
    return SftParams(
        learning_rate=budget.learning_rate,
        batch_examples=batch,
        batch_tokens=budget.batch_tokens,
        max_length=max_length,
        warm_up_share=0.02,
        schedule="linear",
        weight_decay=0.01,
        optimizer="muon",
        saves=40,
    )
