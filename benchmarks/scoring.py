"""Log-probabilities of 8 continuations of 20 tokens on a 400-token prefix, against scoring each from scratch.

From scratch means one forward pass per continuation, over the prefix and the continuation, with logits at the scored
positions only. Both must agree to 1e-4 in float32.

    python -m benchmarks.scoring --model FOLDER
"""

from __future__ import annotations

import argparse
import random
import time
from typing import Any

import torch

from benchmarks.inference import add_options, build, mixed_texts, report
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.tokens import encode, tokenise

Scores = list[tuple[float, ...]]


def from_scratch(model: Any, tokenizer: Any, prefix: str, continuations: list[str]) -> Scores:
    """Score each continuation on its own."""
    head = encode(tokenizer, (prefix,))
    scores: Scores = []
    for tail in tokenise(tokenizer, continuations):
        with torch.inference_mode():
            logits = model(torch.tensor([head + tail]), use_cache=False, logits_to_keep=len(tail) + 1).logits[0, :-1]
            picked = logits.float().log_softmax(-1).gather(-1, torch.tensor(tail)[:, None])
        scores.append(tuple(picked[:, 0].tolist()))
    return scores


def sized(tokenizer: Any, text: str, tokens: int) -> str:
    """The first `tokens` tokens of a text, as text."""
    cut: str = tokenizer.decode(tokenise(tokenizer, [text])[0][:tokens])
    return cut


def main() -> None:
    """Print a table and, with --out, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--prefix", type=int, default=400)
    parser.add_argument("--continuations", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=20)
    options = parser.parse_args()
    texts = [f"{prompt}{answer}\n" for prompt, answer in mixed_texts(400)]
    model, tokenizer = build(options, texts)
    chance = random.Random(0)
    prefix = sized(tokenizer, "".join(texts), options.prefix)
    tails = [sized(tokenizer, "".join(chance.sample(texts, 5)), options.tokens) for _ in range(options.continuations)]
    backend = TransformersBackend(model, tokenizer, batch_tokens=16384)
    seconds: dict[str, list[float]] = {"from scratch": [], "stepwise": []}
    for turn in range(options.repeats + 1):
        started = time.perf_counter()
        plain = from_scratch(model, tokenizer, prefix, tails)
        between = time.perf_counter()
        shared = backend.score((prefix,), tails)
        if turn:
            seconds["from scratch"].append(between - started)
            seconds["stepwise"].append(time.perf_counter() - between)
    apart = max(abs(a - b) for pair in zip(plain, shared, strict=True) for a, b in zip(*pair, strict=True))
    figures = {
        "prefix_tokens": len(encode(tokenizer, (prefix,))),
        "continuation_tokens": [len(logprobs) for logprobs in shared],
        "largest_difference": apart,
    }
    rates = {name: [len(tails) / duration for duration in durations] for name, durations in seconds.items()}
    report(options, "scored/s", rates, "stepwise", figures, {})


if __name__ == "__main__":
    main()
