"""How much reinforcement could gain: what a model solves in several samples and not in its greedy answer.

Reinforcement makes likelier what sampling already finds, so pass@k of the start is a ceiling for a short run. Where
training questions are solved much more often than dev questions, most of their samples teach nothing new.

    dvc repro warm_up@word_problems-tiny
    python -m studies.headroom
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from stepwise import evaluation
from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.models.card import read_card
from stepwise.models.loading import load_model
from stepwise.records import Problem, read_jsonl, write_json
from stepwise.tasks.registry import get_task

TRAINED = Path("models/warm_up/word_problems-tiny")
OUT = Path("studies/metrics/headroom.json")


def main() -> None:
    """Print and write a row per split and temperature."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trained", type=Path, default=TRAINED, help="folder of a trained model")
    parser.add_argument("--problems", type=int, default=150)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.7, 1.0])
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    card = read_card(options.trained)
    task = get_task(card.task, card.task_params, seed=1)
    backend = TransformersBackend(*load_model(options.trained), batch_tokens=16384)
    greedy = Sampling(max_new_tokens=card.task_params.max_new_tokens, stop=task.stop)
    rows: list[dict[str, float | str]] = []
    for split in ("train", "dev"):
        problems = read_jsonl(Path("data/tasks") / card.task / f"{split}.jsonl", Problem)
        chosen = evaluation.spread(problems, options.problems)
        greedy_accuracy = evaluation.accuracy(evaluation.answer(task, backend, chosen, greedy))
        for temperature in options.temperatures:
            sampled = replace(greedy, n=options.samples, temperature=temperature)
            numbers = evaluation.at_k(evaluation.answer(task, backend, chosen, sampled), [1, options.samples])
            row = {"split": split, "temperature": temperature, "greedy": greedy_accuracy, **numbers}
            print(", ".join(f"{name} {value:.3f}" if name != "split" else split for name, value in row.items()))
            rows.append(row)
    write_json(options.out, {"model": str(options.trained), "problems": options.problems, "rows": rows})


if __name__ == "__main__":
    main()
