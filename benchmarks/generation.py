"""Tokens per second of the transformers backend against plain `model.generate`, on a realistic mix of lengths.

Both get the same model, prompts, answer lengths, type and threads, and must write the same greedy text. Plain means the
given order, left padding, batches of 8 and of 64, and the key-value cache on.

    python -m benchmarks.generation --model tiny-random
    python -m benchmarks.generation --model FOLDER --batches 8 --items 48
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList

from benchmarks.inference import add_options, build, cut_points, mixed_texts, report
from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.tokens import encode_many

Texts = list[list[int]]


class Lengths(LogitsProcessor):
    """Forces the end token at exactly the answer length of each row."""

    def __init__(self, lengths: Sequence[int], width: int, end: int) -> None:
        self.lengths = torch.tensor(lengths)
        self.width = width
        self.end = end

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> Any:
        """Scores [rows, vocabulary] with the end token forced where a row is due to end."""
        return force(scores, self.lengths <= input_ids.shape[1] - self.width + 1, self.end)


def force(logits: Any, due: torch.Tensor, end: int) -> Any:
    """Logits [rows, vocabulary] in which the end token wins for rows that are due to end and loses for all others."""
    logits = logits.clone()
    logits[:, end] = torch.where(due, 1e4, -1e4).to(logits.dtype)
    return logits


def plain(model: Any, tokenizer: Any, prompts: list[str], lengths: list[int], batch: int, max_new_tokens: int) -> Texts:
    """`model.generate` batch by batch, in the given order."""
    tokenizer.padding_side = "left"
    answers: Texts = []
    for start in range(0, len(prompts), batch):
        inputs = tokenizer(prompts[start : start + batch], return_tensors="pt", padding=True, add_special_tokens=False)
        width = inputs["input_ids"].shape[1]
        batch_lengths = lengths[start : start + batch]
        output = model.generate(
            **inputs,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            logits_processor=LogitsProcessorList([Lengths(batch_lengths, width, tokenizer.eos_token_id)]),
            pad_token_id=tokenizer.pad_token_id,
        )
        rows = output[:, width:].tolist()
        answers += [row[:length] for row, length in zip(rows, batch_lengths, strict=True)]
        tokenizer.batch_decode(answers[-len(rows) :], skip_special_tokens=True)
    return answers


def ours(model: Any, tokenizer: Any, prompts: list[str], lengths: list[int], tokens: int, max_new_tokens: int) -> Texts:
    """The transformers backend."""
    due_lengths = torch.tensor(lengths)

    def adjust(logits: torch.Tensor, rows: Sequence[int], step: int) -> Any:
        return force(logits, due_lengths[list(rows)] <= step + 1, tokenizer.eos_token_id)

    backend = TransformersBackend(model, tokenizer, batch_tokens=tokens, adjust=adjust)
    completions = backend.generate([(prompt,) for prompt in prompts], Sampling(max_new_tokens=max_new_tokens))
    return [list(samples[0].token_ids) for samples in completions]


def main() -> None:
    """Print a table and, with --out, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--items", type=int, default=256)
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--batch-tokens", type=int, default=32768)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    options = parser.parse_args()
    pairs = mixed_texts(options.items)
    model, tokenizer = build(options, [text for pair in pairs for text in pair])
    prompts = [prompt for prompt, _ in pairs]
    answers = encode_many(tokenizer, [(answer,) for _, answer in pairs])
    max_new_tokens = options.max_new_tokens
    lengths = [min(len(answer) + 1, max_new_tokens) for answer in answers]
    common = (model, tokenizer, prompts, lengths)
    variants: dict[str, Callable[[], Texts]] = {
        f"generate, batch {batch}": partial(plain, *common, batch, max_new_tokens) for batch in options.batches
    }
    variants["stepwise"] = lambda: ours(*common, options.batch_tokens, max_new_tokens)
    seconds, texts = measure(variants, options.repeats)
    rates = {name: [sum(lengths) / duration for duration in durations] for name, durations in seconds.items()}
    expected = texts["stepwise"]
    same = {name: sum(a == b for a, b in zip(texts[name], expected, strict=True)) for name in variants}
    prompt_ids = encode_many(tokenizer, [(prompt,) for prompt in prompts])
    figures = {"prompt_tokens": cut_points([len(ids) for ids in prompt_ids]), "answer_tokens": cut_points(lengths)}
    report(options, "tokens/s", rates, "stepwise", figures, {name: f"{n}/{len(prompts)}" for name, n in same.items()})


def measure(variants: dict[str, Callable[[], Texts]], repeats: int) -> tuple[dict[str, list[float]], dict[str, Texts]]:
    """Seconds of each variant and its answers; the variants take turns, after a warm-up round that is not measured."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    texts: dict[str, Texts] = {}
    for turn in range(repeats + 1):
        for name, variant in variants.items():
            started = time.perf_counter()
            texts[name] = variant()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return seconds, texts


if __name__ == "__main__":
    main()
