"""The reranker (ReFT, section 4.3): a classifier that says how likely a sampled solution is right.

It starts as a trained model with a layer of two classes in the place of its output layer, reads prompt and solution as
training and generation tokenise them, and answers at the last token. It learns from samples of the warm-up model on
training questions: equal texts of a question once, label = right or not, programs that fail among the wrong ones.

Where the released code differs: it finds the last token by comparing with the padding token (here: by length, so
padding may be EOS), chooses the best state on the test samples (here: on held-out training questions), and never saves
it.
"""

from __future__ import annotations

import hashlib
import logging
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwise.generation.transformers_backend import weights_hash
from stepwise.methods.reft.scorer import RerankerError, Scorer
from stepwise.methods.reft.voting import ballots, rerank_at_k
from stepwise.models.adapters import with_lora
from stepwise.models.classifier import load_classifier
from stepwise.models.loading import Dtype, save_model
from stepwise.params.reft import RerankerParams
from stepwise.records import Prediction, Problem
from stepwise.tasks.base import Task
from stepwise.training.batching import plan_steps
from stepwise.training.encoding import Encoded
from stepwise.training.resumable_run import Evaluate
from stepwise.training.sft_loop import Loop

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedReranker:
    """What a run did."""

    curve: list[dict[str, float]]
    numbers: dict[str, float]
    dev: dict[str, bool]
    """Whether the best-scored sample of each held-out question is right."""


def distinct(samples: Sequence[Prediction]) -> list[Prediction]:
    """The first of each question's samples of equal text."""
    found = {(one.problem_id, one.text): one for one in reversed(samples)}
    return [one for one in samples if found[one.problem_id, one.text] is one]


def split(samples: Sequence[Prediction], share: float, seed: int) -> tuple[list[Prediction], list[Prediction]]:
    """(to learn from, to choose by), a question on one side. Raises RerankerError below two questions."""
    names = sorted({one.problem_id for one in samples})
    if len(names) < 2:
        raise RerankerError(f"{len(names)} sampled questions are too few to hold some out; raise sampling.train_limit")
    random.Random(f"{seed}-reranker").shuffle(names)
    held = set(names[: min(max(1, round(share * len(names))), len(names) - 1)])
    return [one for one in samples if one.problem_id not in held], [one for one in samples if one.problem_id in held]


def labelled(rows: Sequence[Sequence[int]], samples: Sequence[Prediction], *, balance: bool) -> list[Encoded]:
    """Texts as training examples: the class is what is to be predicted at the last token, and there alone.

    Samples of one class alone teach nothing, which is said, but a pipeline at a small scale goes on with them.
    """
    flags = [one.verdict.correct for one in samples]
    counts = {flag: flags.count(flag) for flag in (True, False)}
    if not all(counts.values()):
        kind = "right" if counts[True] else "wrong"
        log.warning("all %d samples are %s: there is nothing to tell apart; sample more questions", len(flags), kind)
    return [
        Encoded(
            id=f"{one.problem_id}/{one.sample}",
            tokens=(*row, int(flag)),
            weights=(*[0.0] * len(row), len(flags) / (2 * counts[flag]) if balance else 1.0),
        )
        for row, one, flag in zip(rows, samples, flags, strict=True)
    ]


def train_reranker(
    start: Path,
    task: Task,
    problems: Sequence[Problem],
    samples: Sequence[Prediction],
    params: RerankerParams,
    *,
    seed: int,
    work: Path,
    out: Path,
    learning_rate_scale: float = 1.0,
    dtype: Dtype = "float32",
) -> TrainedReranker:
    """Train a reranker from the model in `start` and write its best state to `out`; a killed run goes on from `work`.

    Raises RerankerError for samples of fewer than two questions.
    """
    training = params.training.model_copy(update={"learning_rate": params.training.learning_rate * learning_rate_scale})
    model: Any
    model, tokenizer = load_classifier(start, dtype, seed=seed)
    scorer = Scorer(model, tokenizer, task, max_length=training.max_length, batch_tokens=training.batch_tokens)
    learned, held = split(samples, params.dev_share, seed)
    learned = distinct(learned)
    examples = labelled(scorer.encode(problems, learned), learned, balance=params.balance)
    plan = plan_steps(len(examples), epochs=params.epochs, batch=training.batch_examples, seed=seed)
    steps = [[examples[index] for index in step] for step in plan]
    digest = hashlib.sha256(f"{params!r} {training!r} {seed} {weights_hash(model)} {examples!r} {held!r}".encode())
    jury = Jury(scorer, problems, held)
    learner = with_lora(model, training.lora, seed) if training.lora.rank else model
    model.score.requires_grad_(True)  # adapters freeze what they do not adapt; this layer is new
    loop = Loop(learner, tokenizer, steps, training, seed=seed, work=work, evaluate=jury.evaluate(params.select))
    standing = loop.run(digest.hexdigest())
    scorer.model = learner.merge_and_unload() if training.lora.rank else model
    if loop.accelerator.is_main_process:
        save_model(scorer.model, tokenizer, out)
    loop.accelerator.wait_for_everyone()
    scorer.model.eval()
    judged, chosen = jury.judge()
    numbers = {
        "examples": float(len(examples)),
        "right_share": sum(one.verdict.correct for one in learned) / len(learned),
        "optimizer_steps": float(len(steps)),
        "trained_tokens": float(sum(loop.tokens)),
        **judged,
    }
    return TrainedReranker(standing.curve, numbers, chosen)


class Jury:
    """The held-out questions, by which the best state is chosen."""

    def __init__(self, scorer: Scorer, problems: Sequence[Problem], held: Sequence[Prediction]) -> None:
        self.scorer, self.problems, self.held = scorer, problems, held

    def evaluate(self, select: str) -> Evaluate:
        """What the training loop asks at its evaluations; higher is better."""

        def score(model: Any, _tokenizer: Any) -> float:
            self.scorer.model = model
            numbers, _ = self.judge()
            return -numbers["dev_loss"] if select == "loss" else numbers["dev_rerank"]

        return score

    def judge(self) -> tuple[dict[str, float], dict[str, bool]]:
        """Numbers of the scorer's model, and whether the best-scored sample of each question is right.

        The numbers are shares of questions (best-scored sample right, any right), of samples (right at all) and of
        different texts (class right), and the mean cross-entropy of the classes over those texts, in nats.
        """
        scores = self.scorer.score(self.problems, self.held)
        names = dict.fromkeys(one.problem_id for one in self.held)
        voted = dict(zip(names, ballots(self.held, scores), strict=True))
        chosen = {name: rerank_at_k(one, len(one.classes)) == 1.0 for name, one in voted.items()}
        known = {(one.problem_id, one.sample): one.score for one in scores}
        chances = [(known[one.problem_id, one.sample], one.verdict.correct) for one in distinct(self.held)]
        right = [one.verdict.correct for one in self.held]
        numbers = {
            "dev_problems": float(len(chosen)),
            "dev_rerank": sum(chosen.values()) / len(chosen),
            "dev_pass": sum(any(one.correct) for one in voted.values()) / len(voted),
            "dev_single": sum(right) / len(right),
            "dev_class_accuracy": sum((chance > 0.5) == flag for chance, flag in chances) / len(chances),
            "dev_loss": -sum(math.log(max(p if flag else 1 - p, 1e-12)) for p, flag in chances) / len(chances),
        }
        return numbers, chosen
