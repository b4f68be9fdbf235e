"""How much there is to gain by reinforcement: what samples of a model solve that its greedy answers do not.

Reinforcement makes likelier what sampling finds, so pass@k of the start is a ceiling for a short run. And where
training questions are solved much more often than dev ones, most samples of training questions teach nothing new.

    python -m studies.headroom --trained models/warm_up/word_problems-tiny --out FILE
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stepwise import evaluation
from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.models.card import read_card
from stepwise.models.loading import load_model
from stepwise.records import Problem, read_jsonl, write_json
from stepwise.tasks.registry import get_task


def main() -> None:
    """Print a row a split and temperature and, with --out, write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trained", type=Path, required=True, help="a trained model's folder")
    parser.add_argument("--problems", type=int, default=150)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.7, 1.0])
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    card = read_card(options.trained)
    task = get_task(card.task, card.task_params, seed=1)
    backend = TransformersBackend(*load_model(options.trained), batch_tokens=16384)
    longest = card.task_params.max_new_tokens
    rows: list[dict[str, float | str]] = []
    for split in ("train", "dev"):
        problems = read_jsonl(Path("data/tasks") / card.task / f"{split}.jsonl", Problem)
        chosen = evaluation.spread(problems, options.problems)
        greedy = evaluation.answer(task, backend, chosen, Sampling(max_new_tokens=longest, stop=task.stop))
        for temperature in options.temperatures:
            how = Sampling(max_new_tokens=longest, stop=task.stop, n=options.samples, temperature=temperature)
            found = evaluation.answer(task, backend, chosen, how)
            numbers = evaluation.at_k(found, [1, options.samples])
            row = {"split": split, "temperature": temperature, "greedy": evaluation.accuracy(greedy), **numbers}
            print(", ".join(f"{name} {value:.3f}" if name != "split" else split for name, value in row.items()))
            rows.append(row)
    if options.out:
        write_json(options.out, {"model": str(options.trained), "problems": options.problems, "rows": rows})


if __name__ == "__main__":
    main()
