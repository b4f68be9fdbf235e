"""Real tokens a second of fine-tuning against plain transformers.Trainer, on a mix of short and long examples.

Half of the examples are SVAMP questions with programs (from STEPWISE_DATA; generated stories without it), half are
scripted sorting, in batches of 8. Plain means: the same tokens and weights, each batch padded to its longest example,
no saving and no logging. Both sides get the same model, type, threads and optimiser.

    STEPWISE_DATA=FOLDER python -m benchmarks.sft --out FILE
"""

from __future__ import annotations

import argparse
import copy
import os
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.inference import add_options, build, report
from stepwise.params import SftParams, TaskParams
from stepwise.records import Example
from stepwise.tasks.base import example
from stepwise.tasks.registry import get_task
from stepwise.training.batching import plan_steps, sizes
from stepwise.training.encoding import Encoded, encode_examples
from stepwise.training.resumable_run import TrainSetup
from stepwise.training.sft_loop import SftLoop

BATCH = 8
MAX_LENGTH = 1024


def mixed_examples(count: int) -> list[Example]:
    """Shuffled training examples, one half of each kind."""
    data = os.environ.get("STEPWISE_DATA")
    name = "svamp" if data else "word_problems"
    half = count // 2
    stories = get_task(name, TaskParams(form="p_cot", train=half), seed=1, data=Path(data) if data else None)
    sorting = get_task("word_sorting", TaskParams(form="scripted", train=half), seed=1)
    examples = [example(task, problem) for task in (stories, sorting) for problem in task.load("train").problems[:half]]
    random.Random(0).shuffle(examples)
    return examples


def ours(model: Any, tokenizer: Any, encoded: Sequence[Encoded]) -> float:
    """Seconds of an epoch with our loop."""
    params = SftParams(batch_examples=BATCH, batch_tokens=BATCH * MAX_LENGTH, max_length=MAX_LENGTH, saves=1)
    steps = [[encoded[index] for index in step] for step in plan_steps(len(encoded), epochs=1, batch=BATCH, seed=1)]
    with tempfile.TemporaryDirectory() as work:
        setup = TrainSetup(seed=1, work=Path(work), out=Path(work) / "model")
        loop = SftLoop(copy.deepcopy(model), tokenizer, steps, params, setup)
        start = time.perf_counter()
        loop.run("benchmark")
        return time.perf_counter() - start


def plain(model: Any, tokenizer: Any, encoded: Sequence[Encoded]) -> float:
    """Seconds of an epoch with transformers.Trainer."""
    import transformers

    rows = [{"input_ids": list(text.tokens), "labels": labels(text)} for text in encoded]
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder, per_device_train_batch_size=BATCH, num_train_epochs=1, learning_rate=1e-3,
            lr_scheduler_type="linear", warmup_steps=0.1, max_grad_norm=1.0, save_strategy="no", report_to=[],
            logging_strategy="no", use_cpu=True, disable_tqdm=True, seed=1, optim="adamw_torch_fused",
        )  # fmt: skip
        collator = transformers.DataCollatorForSeq2Seq(tokenizer, padding="longest")
        trainer = transformers.Trainer(
            model=copy.deepcopy(model), args=arguments, train_dataset=rows, data_collator=collator
        )
        start = time.perf_counter()
        trainer.train()
        return time.perf_counter() - start


def labels(text: Encoded) -> list[int]:
    """Targets as Trainer wants them: -100 where nothing is learned."""
    return [token if weight else -100 for token, weight in zip(text.tokens, text.weights, strict=True)]


def padding_shares(encoded: Sequence[Encoded]) -> dict[str, float]:
    """Share of computed tokens that are padding, ours and with each batch padded to its longest."""
    steps = [[encoded[index] for index in step] for step in plan_steps(len(encoded), epochs=1, batch=BATCH, seed=1)]
    real = sum(len(text.tokens) for text in encoded)
    grouped = sum(sizes(step, BATCH * MAX_LENGTH)[1] for step in steps)
    longest = sum(len(step) * max(len(text.tokens) for text in step) for step in steps)
    return {"stepwise": round(1 - real / grouped, 3), "Trainer": round(1 - real / longest, 3)}


def main() -> None:
    """Print a table and, with --out, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--items", type=int, default=160)
    options = parser.parse_args()
    examples = mixed_examples(options.items)
    model, tokenizer = build(options, ["".join(span.text for span in text.spans) for text in examples])
    encoded, left_out = encode_examples(tokenizer, examples, max_length=MAX_LENGTH)
    tokens = sum(len(text.tokens) for text in encoded)
    rates: dict[str, list[float]] = {"Trainer": [], "stepwise": []}
    for turn in range(options.repeats + 1):
        for name, variant in (("Trainer", plain), ("stepwise", ours)):
            seconds = variant(model, tokenizer, encoded)
            if turn:
                rates[name].append(tokens / seconds)
    figures = {"examples": len(encoded), "left_out": left_out, "tokens": tokens, "padding": padding_shares(encoded)}
    report(options, "real tokens/s", rates, "stepwise", figures, {})


if __name__ == "__main__":
    main()
