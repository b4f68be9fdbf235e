"""What the benchmarks of generation and scoring share: models, texts and the table."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from stepwise.models.loading import load_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import ArchitectureParams
from stepwise.records import write_json

CLOCK = time.perf_counter
"""Taken here, because `rl_step` puts `now` in its place."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that both benchmarks have."""
    parser.add_argument("--model", default="tiny-random", help="tiny-random, or a folder with safetensors")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "1")))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")


def build(options: argparse.Namespace, texts: Sequence[str]) -> tuple[Any, Any]:
    """The chosen model and its tokenizer; `tiny-random` has the shape of `tiny` and its own tokenizer."""
    torch.set_num_threads(options.threads)
    if options.model != "tiny-random":
        return load_model(options.model, options.dtype)
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = ArchitectureParams()
    tokenizer = build_tokenizer(texts, vocabulary=shape.vocabulary, max_length=shape.max_length)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=shape.max_length,
        initializer_range=0.3,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        dtype=options.dtype,
    )
    return LlamaForCausalLM(config).to(getattr(torch, options.dtype)).eval(), tokenizer


def mixed_texts(count: int) -> list[tuple[str, str]]:
    """Shuffled prompts and answers: SVAMP with programs from STEPWISE_DATA, or random words of similar lengths."""
    folder = os.environ.get("STEPWISE_DATA")
    path = Path(folder) / "reft" / "svamp_python_sdp.jsonl.gz" if folder else None
    if path is not None and path.is_file():
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        pairs = [(f"Question: {row['question']}\nAnswer:\n", _body(row["answer_cot"])) for row in rows]
    else:
        pairs = _random(max(count, 1000))
    random.Random(0).shuffle(pairs)
    return pairs[:count]


def _body(program: str) -> str:
    """The program without the docstring that repeats the question."""
    return program.split('"""\n')[-1]


def _random(count: int) -> list[tuple[str, str]]:
    chance = random.Random(1)
    words = ["farmer", "apples", "gives", "pears", "friend", "sells", "market"]

    def some(most: int) -> str:
        return " ".join(chance.choices(words, k=round(chance.triangular(12, most, 30))))

    return [(f"Question: {some(150)}\nAnswer:\n", some(130)) for _ in range(count)]


def now() -> float:
    """Seconds by the clock that STEPWISE_CLOCK names: `cpu` is processor time with children, otherwise wall time."""
    if os.environ.get("STEPWISE_CLOCK") != "cpu":
        return CLOCK()
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def cut_points(values: Sequence[int]) -> dict[str, float]:
    """Smallest, median, mean and largest."""
    mean = round(statistics.fmean(values), 1)
    return {"least": min(values), "median": statistics.median(values), "mean": mean, "most": max(values)}


def report(
    options: argparse.Namespace,
    unit: str,
    rates: dict[str, list[float]],
    subject: str,
    figures: dict[str, Any],
    notes: dict[str, str],
) -> None:
    """Print a row per variant with its median and the subject's ratio to it; with --out, write everything."""
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"{options.model}, {options.dtype}, {options.threads} thread(s), median of {options.repeats}")
    for name, value in figures.items():
        print(f"  {name}: {value}")
    print(f"{'':24}{unit:>12}{'spread':>18}{subject + ' is':>14}{'same':>12}")
    for name, values in rates.items():
        spread = f"{min(values):.1f}-{max(values):.1f}"
        ratio = f"{medians[subject] / medians[name]:.2f}x"
        print(f"{name:24}{medians[name]:>12.1f}{spread:>18}{ratio:>14}{notes.get(name, ''):>12}")
    if options.out:
        settings = {"model": options.model, "dtype": options.dtype, "threads": options.threads, "unit": unit}
        ratios = {name: medians[subject] / value for name, value in medians.items()}
        write_json(options.out, {**settings, **figures, "medians": medians, "ratios": ratios, "same": dict(notes)})
