"""What keeps the reranker below the majority: its training set taken apart, on dev questions of another seed.

A wrong sample without an answer (a program that breaks) never stands for election: votes and reranker leave it out.
What a reranker has to know is which of the answered samples are right, so each arm changes what it learns that from:

    set                 as the pipeline does: samples of training questions that the warm-up has learned
    warm_up, epochs     the same samples, from another start, or read as often as in the paper
    new                 as many questions that the warm-up has not seen (were learned questions the fault?)
    more                three times as many of them (is it their number?)
    known answered,     without the samples that have no answer (is it that nearly all wrong ones are of that kind?)
    new answered, more answered

All are judged by the same samples of the trained policy, on questions of the kinds of training that neither seed's
training has; test is not read. Intervals are over questions, for one run of each arm.

    python -m studies.reranker --models models --out studies/metrics/reranker.json

A call that was stopped goes on.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stepwise import evaluation
from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.reft.reranker import distinct, train_reranker
from stepwise.methods.reft.scorer import Scorer
from stepwise.methods.reft.voting import Ballot, ballots, rerank_at_k, weighted_at_k
from stepwise.models.classifier import load_classifier
from stepwise.models.loading import load_model
from stepwise.params import Params, load
from stepwise.records import Prediction, Problem, SampleScore, write_json
from stepwise.statistics import bootstrap, maj_at_k, pass_at_k
from stepwise.tasks.registry import get_task
from stepwise.tracking.provenance import machine

TASK = "word_problems"
FOLDER = Path(".work/reranker")


@dataclass(frozen=True)
class Arm:
    """A training set and a recipe."""

    known: bool = True
    """Questions of the warm-up's training, or new ones of the same kinds."""
    questions: int = 200
    answered: bool = False
    """Without the samples that have no answer."""
    start: str = "sft"
    epochs: int = 1


ARMS = {
    "set": Arm(),
    "warm_up": Arm(start="warm_up"),
    "epochs": Arm(epochs=3),
    "known answered": Arm(answered=True),
    "new": Arm(known=False),
    "new answered": Arm(known=False, answered=True),
    "more answered": Arm(known=False, questions=600, answered=True),
    "more": Arm(known=False, questions=600),
}
SILENT = 400
"""Dev samples without an answer that are scored, for the area under the curve; in votes they never count."""


class Study:
    """Questions, samples and rerankers."""

    def __init__(self, options: argparse.Namespace, params: Params) -> None:
        """Draw the questions; nothing is sampled yet."""
        self.options, self.params = options, params
        of_task = params.task[TASK]
        most = max(arm.questions for arm in ARMS.values())
        self.task = get_task(TASK, of_task, seed=params.seed)
        other = get_task(
            TASK, of_task.model_copy(update={"test": 1, "dev": options.dev, "train": most}), seed=options.seed
        )
        seen = {one.question for split in ("train", "dev", "test") for one in self.task.load(split).problems}
        self.dev = [one for one in other.load("dev").problems if one.question not in seen]
        self.new = [one for one in other.load("train").problems if one.question not in seen]
        self.judged = self.sample("dev", self.dev, options.method, options.k)

    def sample(self, name: str, problems: Sequence[Problem], model: str, count: int) -> list[Prediction]:
        """Checked samples, as the stage `reft_sample` makes them."""
        how = self.params.sampling
        sampling = Sampling(
            max_new_tokens=self.params.task[TASK].max_new_tokens,
            temperature=how.temperature, top_p=how.top_p, top_k=how.top_k, n=count, stop=self.task.stop,
            seed=self.params.seed,
        )  # fmt: skip
        folder = self.options.models / model / f"{TASK}-{self.options.model}"
        backend = TransformersBackend(*load_model(folder), batch_tokens=self.params.backend.batch_tokens)
        journal = FOLDER / f"{name}-{len(problems)}.jsonl"
        return evaluation.answer(self.task, backend, problems, sampling, journal=journal)

    def learned(self, arm: Arm) -> tuple[list[Problem], list[Prediction]]:
        """An arm's questions and samples, those without an answer included."""
        known = evaluation.spread(self.task.load("train").problems, arm.questions)
        pool, chosen = (known, known) if arm.known else (self.new, self.new[: arm.questions])
        samples = self.sample("known" if arm.known else "new", pool, "warm_up", self.params.sampling.k)
        ids = {one.id for one in chosen}
        return chosen, [one for one in samples if one.problem_id in ids]

    def run(self, name: str, arm: Arm) -> dict[str, Any]:
        """Train an arm's reranker and let it judge the dev samples."""
        problems, samples = self.learned(arm)
        wanted = [one for one in samples if one.verdict.answer is not None] if arm.answered else samples
        params = self.params.reranker.model_copy(update={"epochs": arm.epochs})
        folder = FOLDER / name.replace(" ", "-")
        trained = train_reranker(
            self.options.models / arm.start / f"{TASK}-{self.options.model}", self.task, problems, wanted, params,
            seed=self.params.seed, work=folder / "training", out=folder / "model",
        )  # fmt: skip
        scorer = Scorer(
            *load_classifier(folder / "model"), self.task,
            max_length=params.training.max_length, batch_tokens=params.training.batch_tokens,
        )  # fmt: skip
        answered = [one for one in self.judged if one.verdict.answer is not None]
        silent = [one for one in distinct(self.judged) if one.verdict.answer is None]
        read = [*answered, *evaluation.spread(silent, SILENT)]
        scores = scorer.score(self.dev, read)
        kept = {key: trained.numbers[key] for key in ("examples", "right_share", "optimizer_steps", "trained_tokens")}
        facts = {**asdict(arm), "samples": composition(samples), **kept}
        return facts | discrimination(read, scores) | elected(ballots(self.judged, [*scores, *unread(self.judged)]))


def unread(samples: Sequence[Prediction]) -> list[SampleScore]:
    """Scores of the samples without an answer, which no vote looks at."""
    silent = [one for one in samples if one.verdict.answer is None]
    return [SampleScore(problem_id=one.problem_id, sample=one.sample, score=0.0) for one in silent]


def composition(samples: Sequence[Prediction]) -> dict[str, int]:
    """Different texts by what they are, and the questions with a right and with a wrong answered one among them."""
    texts = distinct(samples)
    answers: dict[str, set[bool]] = defaultdict(set)
    for one in texts:
        if one.verdict.answer is not None:
            answers[one.problem_id].add(one.verdict.correct)
    right = sum(one.verdict.correct for one in texts)
    silent = sum(one.verdict.answer is None for one in texts)
    return {
        "questions": len({one.problem_id for one in samples}),
        "texts": len(texts),
        "right": right,
        "wrong_answered": len(texts) - right - silent,
        "without_answer": silent,
        "contested_questions": sum(len(kinds) == 2 for kinds in answers.values()),
    }


def discrimination(samples: Sequence[Prediction], scores: Sequence[SampleScore]) -> dict[str, float]:
    """Area under the ROC curve over different texts: all scored ones, the answered, those of one question.

    The last is the mean over questions with both kinds.
    """
    known = {(one.problem_id, one.sample): one.score for one in scores}
    right: dict[str, list[float]] = defaultdict(list)
    wrong: dict[str, list[float]] = defaultdict(list)
    silent: list[float] = []
    for one in distinct(samples):
        score = known[one.problem_id, one.sample]
        if one.verdict.answer is None:
            silent.append(score)
        else:
            (right if one.verdict.correct else wrong)[one.problem_id].append(score)
    good, bad = ([score for group in groups.values() for score in group] for groups in (right, wrong))
    within = [auc(right[name], wrong[name]) for name in right if name in wrong]
    return {"auc": auc(good, bad + silent), "auc_answered": auc(good, bad), "auc_within": statistics.fmean(within)}


def auc(right: Sequence[float], wrong: Sequence[float]) -> float:
    """Chance that a right text scores above a wrong one, equal scores counted half."""
    gaps = np.subtract.outer(np.asarray(right), np.asarray(wrong))
    return float((gaps > 0).mean() + (gaps == 0).mean() / 2)


def elected(voted: Sequence[Ballot]) -> dict[str, Any]:
    """Votes over all samples of each question, and their paired differences from the majority with intervals."""
    count = min(len(one.classes) for one in voted)
    majority = [maj_at_k(one.classes, one.correct, count) for one in voted]
    kinds = {"rerank": rerank_at_k, "weighted": weighted_at_k}
    found: dict[str, Any] = {}
    for kind, vote in kinds.items():
        values = [vote(one, count) for one in voted]
        found[kind] = asdict(bootstrap(values))
        found[f"{kind}_over_maj"] = asdict(bootstrap(list(np.subtract(values, majority))))
    return found


def bounds(voted: Sequence[Ballot]) -> dict[str, Any]:
    """What no reranker changes: one sample, one answered sample, the majority, and any right one."""
    count = min(len(one.classes) for one in voted)
    answered = [
        [good for good, name in zip(one.correct, one.classes, strict=True) if name is not None] for one in voted
    ]
    values = {
        "single": [statistics.fmean(one.correct) for one in voted],
        "answered": [statistics.fmean(flags) if flags else 0.0 for flags in answered],
        "maj": [maj_at_k(one.classes, one.correct, count) for one in voted],
        "pass": [pass_at_k(count, sum(one.correct), count) for one in voted],
    }
    return {name: asdict(bootstrap(several)) for name, several in values.items()}


def main() -> None:
    """Run the arms, print a line each and, with --out, write the figures after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"), help="the pipeline's models")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--method", default="reft", help="whose samples are judged")
    parser.add_argument("--seed", type=int, default=11, help="of the questions that training has not seen")
    parser.add_argument("--dev", type=int, default=400)
    parser.add_argument("--k", type=int, default=16)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    study = Study(options, load())
    settings = {"task": TASK, "model": options.model, "method": options.method, "seed": options.seed, "k": options.k}
    dev = {"dev": composition(study.judged), "bounds": bounds(ballots(study.judged))}
    print(dev)
    arms: dict[str, Any] = {}
    for name in options.arms:
        arms[name] = study.run(name, ARMS[name])
        pair = arms[name]["rerank_over_maj"]
        print(
            f"{name}: AUC {arms[name]['auc']:.3f}, of answered {arms[name]['auc_answered']:.3f}, rerank over maj "
            f"{100 * pair['value']:+.1f} [{100 * pair['low']:+.1f}, {100 * pair['high']:+.1f}]", flush=True,
        )  # fmt: skip
        if options.out:
            write_json(options.out, {**settings, **dev, "arms": arms, "machine": machine()})
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
