"""Checked answers of a model to problems."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from stepwise.evaluation.metrics import EvaluationError, accuracy
from stepwise.generation.base import Backend, Sampling
from stepwise.params import EvaluateParams
from stepwise.records import Prediction, Problem
from stepwise.tasks.base import Task

T = TypeVar("T")


def answer(
    task: Task, backend: Backend, problems: Sequence[Problem], sampling: Sampling, *, journal: Path | None = None
) -> list[Prediction]:
    """`sampling.n` checked completions per problem, in order. A killed pass resumes from its journal."""
    if not problems:
        raise EvaluationError(f"{task.name}: there are no problems to answer; check the split's size in params.yaml")
    completions = backend.generate([task.prompt(problem) for problem in problems], sampling, journal=journal)
    rows = [
        (problem, sample, completion)
        for problem, samples in zip(problems, completions, strict=True)
        for sample, completion in enumerate(samples)
    ]
    verdicts = task.check_many([(problem, completion.text) for problem, _, completion in rows])
    return [
        Prediction(
            problem_id=problem.id,
            sample=sample,
            text=completion.text,
            verdict=verdict,
            bin=problem.bin,
            difficulty=problem.difficulty,
            tokens=len(completion.token_ids),
            finish_reason=completion.finish_reason,
            logprob=sum(completion.logprobs) if completion.logprobs else None,
        )
        for (problem, sample, completion), verdict in zip(rows, verdicts, strict=True)
    ]


def evaluate(
    task: Task,
    backend: Backend,
    problems: Sequence[Problem],
    params: EvaluateParams,
    *,
    max_new_tokens: int,
    seed: int,
    journal: Path | None = None,
) -> tuple[list[Prediction], list[Prediction]]:
    """Greedy answers to `params.limit` problems, and `params.samples` sampled answers to `params.sample_limit` of them.

    `journal` is a folder for work in progress. Raises EvaluationError if there are no problems.
    """
    chosen = spread(problems, params.limit)
    greedy = Sampling(max_new_tokens=max_new_tokens, stop=task.stop, seed=seed)
    sampled = Sampling(
        max_new_tokens=max_new_tokens,
        temperature=params.temperature,
        top_p=params.top_p,
        top_k=params.top_k,
        n=params.samples,
        stop=task.stop,
        seed=seed,
    )
    journals = [journal / name if journal else None for name in ("greedy.jsonl", "samples.jsonl")]
    return (
        answer(task, backend, chosen, greedy, journal=journals[0]),
        answer(task, backend, spread(chosen, params.sample_limit), sampled, journal=journals[1]),
    )


def dev_accuracy(
    task: Task, problems: Sequence[Problem], max_new_tokens: int, batch_tokens: int
) -> Callable[[Any, Any], float]:
    """A function (model, tokenizer) -> accuracy of the greedy answers, by which training selects a state."""
    greedy = Sampling(max_new_tokens=max_new_tokens, stop=task.stop)

    def score(model: Any, tokenizer: Any) -> float:
        from stepwise.generation.transformers_backend import TransformersBackend

        backend = TransformersBackend(model, tokenizer, batch_tokens=batch_tokens)
        return accuracy(answer(task, backend, problems, greedy))

    return score


_GOLDEN = (5**0.5 - 1) / 2


def spread(items: Sequence[T], limit: int) -> list[T]:
    """`limit` items, one from each of as many equal stretches, so that bins keep their shares; 0 means all items.

    Where in its stretch an item stands changes by the golden ratio: problems whose difficulties alternate, as generated
    ones do, keep their shares as well, which a constant distance would turn into a single difficulty.
    """
    count = len(items)
    if limit == 0 or limit >= count:
        return list(items)
    ends = [i * count // limit for i in range(limit + 1)]
    return [items[a + int(i * _GOLDEN % 1 * (b - a))] for i, (a, b) in enumerate(itertools.pairwise(ends))]
