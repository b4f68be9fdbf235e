"""The reranker (ReFT, section 4.3): a classifier that says how likely a sampled solution is right.

It starts as a trained model with a two-class layer in place of its output layer, reads prompt and solution with the
tokens of training and generation, and answers at the last token. It learns from samples of the warm-up model on
training problems: equal texts of a problem count once, the label is right or wrong, and programs that fail are wrong.

Where the released code differs: it finds the last token by comparing with the padding token (here: by length, so
padding may be EOS), chooses the best state on the test samples (here: on held-out training problems), and never saves
it.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stepwise.generation.transformers_backend import weights_hash
from stepwise.methods.reft.scorer import RerankerError, Scorer
from stepwise.methods.reft.voting import ballots, rerank_at_k
from stepwise.models.adapters import with_lora, without_adapters
from stepwise.models.classifier import load_classifier
from stepwise.params.reft import RerankerParams
from stepwise.records import Prediction, Problem
from stepwise.tasks.base import Task
from stepwise.training.batching import plan_steps
from stepwise.training.encoding import Encoded
from stepwise.training.resumable_run import Evaluate, TrainSetup, fingerprint
from stepwise.training.sft_loop import SftLoop

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedReranker:
    """What a run did."""

    curve: list[dict[str, float]]
    numbers: dict[str, float]
    dev: dict[str, bool]
    """Whether the best-scored sample of each held-out problem is right."""


def distinct(samples: Sequence[Prediction]) -> list[Prediction]:
    """Samples without those whose text equals an earlier one of the same problem."""
    first = {(sample.problem_id, sample.text): sample for sample in reversed(samples)}
    return [sample for sample in samples if first[sample.problem_id, sample.text] is sample]


def split(samples: Sequence[Prediction], share: float, seed: int) -> tuple[list[Prediction], list[Prediction]]:
    """Samples to learn from and samples held out, each problem on one side. Raises RerankerError below two problems."""
    names = sorted({sample.problem_id for sample in samples})
    if len(names) < 2:
        raise RerankerError(f"{len(names)} sampled problems are too few to hold some out; raise sampling.train_limit")
    random.Random(f"{seed}-reranker").shuffle(names)
    held = set(names[: min(max(1, round(share * len(names))), len(names) - 1)])
    learned = [sample for sample in samples if sample.problem_id not in held]
    return learned, [sample for sample in samples if sample.problem_id in held]


def labelled(rows: Sequence[Sequence[int]], samples: Sequence[Prediction], *, balance: bool) -> list[Encoded]:
    """Texts as training examples: the only target is the class, at the last token.

    Samples of a single class teach nothing. That is a warning and no error, for pipelines at a very small scale.
    """
    flags = [sample.verdict.correct for sample in samples]
    counts = {flag: flags.count(flag) for flag in (True, False)}
    if not all(counts.values()):
        kind = "right" if counts[True] else "wrong"
        log.warning("all %d samples are %s: there is nothing to tell apart; sample more problems", len(flags), kind)
    return [
        Encoded(
            id=f"{sample.problem_id}/{sample.sample}",
            tokens=(*row, int(flag)),
            weights=(*[0.0] * len(row), len(flags) / (2 * counts[flag]) if balance else 1.0),
        )
        for row, sample, flag in zip(rows, samples, flags, strict=True)
    ]


def train_reranker(
    start: Path,
    task: Task,
    problems: Sequence[Problem],
    samples: Sequence[Prediction],
    params: RerankerParams,
    setup: TrainSetup,
) -> TrainedReranker:
    """Train a reranker from the model in `start` and write its best state to `setup.out`; a killed run resumes.

    The best state is chosen on held-out problems, not by `setup.evaluate`. Raises RerankerError for samples of fewer
    than two problems.
    """
    rate = params.training.learning_rate * setup.learning_rate_scale
    training = params.training.model_copy(update={"learning_rate": rate})
    model, tokenizer = load_classifier(start, setup.dtype, seed=setup.seed)
    scorer = Scorer(model, tokenizer, task, max_length=training.max_length, batch_tokens=training.batch_tokens)
    learned, held = split(samples, params.dev_share, setup.seed)
    learned = distinct(learned)
    examples = labelled(scorer.encode(problems, learned), learned, balance=params.balance)
    plan = plan_steps(len(examples), epochs=params.epochs, batch=training.batch_examples, seed=setup.seed)
    steps = [[examples[index] for index in step] for step in plan]
    run_id = fingerprint(params, training, setup.seed, weights_hash(model), examples, held)
    held_out = HeldOut(scorer, problems, held)
    learner = with_lora(model, training.lora, setup.seed)
    model.score.requires_grad_(True)  # adapters freeze what they do not adapt; this layer is new
    loop = SftLoop(learner, tokenizer, steps, training, replace(setup, evaluate=held_out.evaluate(params.select)))
    state = loop.run_and_export(run_id, setup.out)
    scorer.model = without_adapters(learner).eval()
    numbers, chosen = held_out.judge()
    numbers = {
        "examples": float(len(examples)),
        "right_share": sum(sample.verdict.correct for sample in learned) / len(learned),
        "optimizer_steps": float(len(steps)),
        "trained_tokens": float(sum(loop.tokens)),
        **numbers,
    }
    return TrainedReranker(state.curve, numbers, chosen)


class HeldOut:
    """The held-out problems, by which the best state is chosen."""

    def __init__(self, scorer: Scorer, problems: Sequence[Problem], samples: Sequence[Prediction]) -> None:
        self.scorer, self.problems, self.samples = scorer, problems, samples

    def evaluate(self, select: str) -> Evaluate:
        """The score of a model by which training chooses its best state, higher is better."""

        def score(model: Any, _tokenizer: Any) -> float:
            self.scorer.model = model
            numbers, _ = self.judge()
            return -numbers["dev_loss"] if select == "loss" else numbers["dev_rerank"]

        return score

    def judge(self) -> tuple[dict[str, float], dict[str, bool]]:
        """Metrics of the scorer's model, and whether the best-scored sample of each problem is right.

        The metrics are shares of problems (best-scored sample right, any sample right), of samples (right at all) and
        of different texts (class right), and the mean cross-entropy of the classes over those texts, in nats.
        """
        scores = self.scorer.score(self.problems, self.samples)
        names = dict.fromkeys(sample.problem_id for sample in self.samples)
        by_problem = dict(zip(names, ballots(self.samples, scores), strict=True))
        chosen = {name: rerank_at_k(ballot, len(ballot.classes)) == 1.0 for name, ballot in by_problem.items()}
        known = {(score.problem_id, score.sample): score.score for score in scores}
        chances = [
            (known[sample.problem_id, sample.sample], sample.verdict.correct) for sample in distinct(self.samples)
        ]
        right = [sample.verdict.correct for sample in self.samples]
        numbers = {
            "dev_problems": float(len(chosen)),
            "dev_rerank": sum(chosen.values()) / len(chosen),
            "dev_pass": sum(any(ballot.correct) for ballot in by_problem.values()) / len(by_problem),
            "dev_single": sum(right) / len(right),
            "dev_class_accuracy": sum((chance > 0.5) == flag for chance, flag in chances) / len(chances),
            "dev_loss": -sum(math.log(max(p if flag else 1 - p, 1e-12)) for p, flag in chances) / len(chances),
        }
        return numbers, chosen
