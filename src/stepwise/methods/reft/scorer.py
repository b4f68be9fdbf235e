"""A reranker at work: the probability that a sampled solution is right, read at the last token of the whole text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from stepwise.errors import StepwiseError
from stepwise.generation import journal as journals
from stepwise.generation.engine.batching import microbatches
from stepwise.generation.transformers_backend import placed, weights_hash
from stepwise.progress import Progress
from stepwise.records import Prediction, Problem, SampleScore
from stepwise.tasks.base import Task
from stepwise.tokens import encode_many


class RerankerError(StepwiseError, ValueError):
    """Samples that no reranker can be trained on or score; the message names the cause and the remedy."""


class Scorer:
    """Scores a task's samples with a reranker."""

    def __init__(self, model: Any, tokenizer: Any, task: Task, *, max_length: int, batch_tokens: int) -> None:
        """A text is cut after `max_length` tokens; at most `batch_tokens` are read at once, padding included."""
        self.model, self.tokenizer, self.task = placed(model), tokenizer, task
        self.max_length, self.batch_tokens = max_length, batch_tokens

    def encode(self, problems: Sequence[Problem], samples: Sequence[Prediction]) -> list[list[int]]:
        """Each sample's tokens, prompt first, no end token. Raises RerankerError for a sample of an unknown problem."""
        prompts = {problem.id: self.task.prompt(problem) for problem in problems}
        unknown = next((sample.problem_id for sample in samples if sample.problem_id not in prompts), None)
        if unknown is not None:
            raise RerankerError(f"there are samples of {unknown}, which is none of the problems; sample again")
        texts = [(*prompts[sample.problem_id], sample.text) for sample in samples]
        return [ids[: self.max_length] for ids in encode_many(self.tokenizer, texts)]

    def score(
        self, problems: Sequence[Problem], samples: Sequence[Prediction], *, journal: Path | None = None
    ) -> list[SampleScore]:
        """The probability that each sample is right, in order; equal texts are read once.

        With a journal, a killed pass resumes.
        """
        encoded = [tuple(row) for row in self.encode(problems, samples)]
        rows = sorted(dict.fromkeys(encoded), key=len, reverse=True)
        batches = [[rows[index] for index in batch] for batch in microbatches([*map(len, rows)], self.batch_tokens)]
        weights = weights_hash(self.model) if journal is not None else ""
        progress = Progress("scoring", len(rows))

        def compute(batch: list[tuple[int, ...]]) -> list[float]:
            probabilities = self.probabilities(batch)
            progress.add(len(batch), sum(map(len, batch)))
            return probabilities

        def key(batch: list[tuple[int, ...]]) -> str:
            return journals.content_key("rerank", weights, batch)

        scores: dict[tuple[int, ...], float] = {}
        for batch, probabilities in journals.run(journal, batches, key, compute, progress):
            scores.update(zip(batch, probabilities, strict=True))
        return [
            SampleScore(problem_id=sample.problem_id, sample=sample.sample, score=scores[row])
            for sample, row in zip(samples, encoded, strict=True)
        ]

    def probabilities(self, rows: Sequence[Sequence[int]]) -> list[float]:
        """The probability of the class `right` at each row's last token, in one pass."""
        longest = max(map(len, rows))
        # No real token looks at the padding to its right, so any token will do and no mask is needed.
        padded = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=self.model.device)
        last = torch.tensor([len(row) - 1 for row in rows], device=self.model.device)
        with torch.inference_mode():
            hidden = self.model.base_model(input_ids=padded, use_cache=False).last_hidden_state
            logits = self.model.score(hidden[torch.arange(len(rows), device=last.device), last])
        return [float(value) for value in logits.float().softmax(-1)[:, 1]]
