"""Tokens a second of the transformers backend against plain `model.generate`, on a real mix of lengths.

Both sides get the same model, prompts, answer lengths, type and threads, and must write the same greedy text. Plain
means: the given order, left padding, batches of 8 and of 64, the key-value cache on.

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
    """The end token comes exactly at each row's answer length, never before."""

    def __init__(self, lengths: Sequence[int], width: int, end: int) -> None:
        self.lengths = torch.tensor(lengths)
        self.width = width
        self.end = end

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> Any:
        """Scores [rows, vocabulary] with the end token forced where it is due."""
        return force(scores, self.lengths <= input_ids.shape[1] - self.width + 1, self.end)


def force(logits: Any, due: torch.Tensor, end: int) -> Any:
    """Logits [rows, vocabulary] in which the end token wins where it is due and loses where it is not."""
    logits = logits.clone()
    logits[:, end] = torch.where(due, 1e4, -1e4).to(logits.dtype)
    return logits


def plain(model: Any, tokenizer: Any, prompts: list[str], lengths: list[int], batch: int, longest: int) -> Texts:
    """`model.generate` batch by batch, in the given order."""
    tokenizer.padding_side = "left"
    found: Texts = []
    for start in range(0, len(prompts), batch):
        inputs = tokenizer(prompts[start : start + batch], return_tensors="pt", padding=True, add_special_tokens=False)
        width = inputs["input_ids"].shape[1]
        wanted = lengths[start : start + batch]
        made = model.generate(
            **inputs,
            max_new_tokens=longest,
            do_sample=False,
            logits_processor=LogitsProcessorList([Lengths(wanted, width, tokenizer.eos_token_id)]),
            pad_token_id=tokenizer.pad_token_id,
        )
        rows = made[:, width:].tolist()
        found += [row[:length] for row, length in zip(rows, wanted, strict=True)]
        tokenizer.batch_decode(found[-len(rows) :], skip_special_tokens=True)
    return found


def ours(model: Any, tokenizer: Any, prompts: list[str], lengths: list[int], tokens: int, longest: int) -> Texts:
    """The transformers backend."""
    wanted = torch.tensor(lengths)

    def adjust(logits: torch.Tensor, rows: Sequence[int], step: int) -> Any:
        return force(logits, wanted[list(rows)] <= step + 1, tokenizer.eos_token_id)

    backend = TransformersBackend(model, tokenizer, batch_tokens=tokens, adjust=adjust)
    made = backend.generate([(prompt,) for prompt in prompts], Sampling(max_new_tokens=longest))
    return [list(one[0].token_ids) for one in made]


def main() -> None:
    """Print a table and, with --out, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--items", type=int, default=256)
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--batch-tokens", type=int, default=32768)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    options = parser.parse_args()
    texts = mixed_texts(options.items)
    model, tokenizer = build(options, [text for pair in texts for text in pair])
    prompts = [prompt for prompt, _ in texts]
    answers = encode_many(tokenizer, [(answer,) for _, answer in texts])
    longest = options.max_new_tokens
    lengths = [min(len(answer) + 1, longest) for answer in answers]
    common = (model, tokenizer, prompts, lengths)
    variants: dict[str, Callable[[], Texts]] = {
        f"generate, batch {batch}": partial(plain, *common, batch, longest) for batch in options.batches
    }
    variants["stepwise"] = lambda: ours(*common, options.batch_tokens, longest)
    seconds, made = measure(variants, options.repeats)
    rates = {name: [sum(lengths) / one for one in several] for name, several in seconds.items()}
    same = {name: sum(a == b for a, b in zip(made[name], made["stepwise"], strict=True)) for name in variants}
    figures = {"prompt_tokens": cut_points([len(one) for one in encode_many(tokenizer, [(p,) for p in prompts])])}
    figures |= {"answer_tokens": cut_points(lengths)}
    report(options, "tokens/s", rates, "stepwise", figures, {name: f"{n}/{len(prompts)}" for name, n in same.items()})


def measure(variants: dict[str, Callable[[], Texts]], repeats: int) -> tuple[dict[str, list[float]], dict[str, Texts]]:
    """Seconds of each variant, in turns, after one warm-up round on which nothing is measured."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    made: dict[str, Texts] = {}
    for turn in range(repeats + 1):
        for name, variant in variants.items():
            begun = time.perf_counter()
            made[name] = variant()
            if turn:
                seconds[name].append(time.perf_counter() - begun)
    return seconds, made


if __name__ == "__main__":
    main()
