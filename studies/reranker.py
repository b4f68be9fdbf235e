"""Why the reranker stays below the majority vote: its training set varied, on dev questions of another seed.

A sample without an answer (a program that breaks) takes part in no vote, so a reranker only needs to tell which of the
answered samples are right. Each arm changes what it learns that from:

    set                 as in the pipeline: samples of training questions that the warm-up has learned
    warm_up             the same samples, starting from the warm-up model
    epochs              the same samples, for as many epochs as in the paper
    new                 equally many questions that the warm-up has not seen (are learned questions the problem?)
    more                three times as many new questions (are there too few?)
    known answered, new answered, more answered
                        without samples that have no answer (is it because nearly all wrong samples are of that kind?)

All arms are evaluated on the same samples of the trained policy, on questions of the same kinds that appear in neither
seed's training set; test is not read. Intervals are over questions, for one run of each arm.

    make repro METHOD=reft
    python -m studies.reranker

An interrupted run resumes.
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
from stepwise.training.resumable_run import TrainSetup

TASK = "word_problems"
FOLDER = Path(".work/reranker")


@dataclass(frozen=True)
class Arm:
    """A training set and how to train on it."""

    known: bool = True
    """Whether the questions are those of the warm-up's training set, or new ones of the same kinds."""
    questions: int = 200
    answered: bool = False
    """Whether samples without an answer are left out."""
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
"""Dev samples without an answer that are scored, for the area under the curve only; no vote counts them."""


class Study:
    """The questions and samples of the study, and the rerankers trained on them."""

    def __init__(self, options: argparse.Namespace, params: Params) -> None:
        """Draw the questions; nothing is sampled yet."""
        self.options, self.params = options, params
        of_task = params.task[TASK]
        train = max(arm.questions for arm in ARMS.values())
        self.task = get_task(TASK, of_task, seed=params.seed)
        other = get_task(
            TASK, of_task.model_copy(update={"test": 1, "dev": options.dev, "train": train}), seed=options.seed
        )
        seen = {problem.question for split in ("train", "dev", "test") for problem in self.task.load(split).problems}
        self.dev = [problem for problem in other.load("dev").problems if problem.question not in seen]
        self.new = [problem for problem in other.load("train").problems if problem.question not in seen]
        self.judged = self.sample("dev", self.dev, options.method, options.k)

    def sample(self, name: str, problems: Sequence[Problem], model: str, count: int) -> list[Prediction]:
        """Checked samples, as the stage `reft_sample` makes them."""
        params = self.params.sampling
        sampling = Sampling(
            max_new_tokens=self.params.task[TASK].max_new_tokens,
            temperature=params.temperature, top_p=params.top_p, top_k=params.top_k, n=count, stop=self.task.stop,
            seed=self.params.seed,
        )  # fmt: skip
        folder = self.options.models / model / f"{TASK}-{self.options.model}"
        backend = TransformersBackend(*load_model(folder), batch_tokens=self.params.backend.batch_tokens)
        journal = FOLDER / f"{name}-{len(problems)}.jsonl"
        return evaluation.answer(self.task, backend, problems, sampling, journal=journal)

    def training_set(self, arm: Arm) -> tuple[list[Problem], list[Prediction]]:
        """An arm's questions and samples, including those without an answer."""
        known = evaluation.spread(self.task.load("train").problems, arm.questions)
        pool, chosen = (known, known) if arm.known else (self.new, self.new[: arm.questions])
        samples = self.sample("known" if arm.known else "new", pool, "warm_up", self.params.sampling.k)
        ids = {problem.id for problem in chosen}
        return chosen, [sample for sample in samples if sample.problem_id in ids]

    def run(self, name: str, arm: Arm) -> dict[str, Any]:
        """Train an arm's reranker and score the dev samples with it."""
        problems, samples = self.training_set(arm)
        chosen = [sample for sample in samples if sample.verdict.answer is not None] if arm.answered else samples
        params = self.params.reranker.model_copy(update={"epochs": arm.epochs})
        folder = FOLDER / name.replace(" ", "-")
        trained = train_reranker(
            self.options.models / arm.start / f"{TASK}-{self.options.model}", self.task, problems, chosen, params,
            TrainSetup(seed=self.params.seed, work=folder / "training", out=folder / "model"),
        )  # fmt: skip
        scorer = Scorer(
            *load_classifier(folder / "model"), self.task,
            max_length=params.training.max_length, batch_tokens=params.training.batch_tokens,
        )  # fmt: skip
        answered = [sample for sample in self.judged if sample.verdict.answer is not None]
        silent = [sample for sample in distinct(self.judged) if sample.verdict.answer is None]
        scored = [*answered, *evaluation.spread(silent, SILENT)]
        scores = scorer.score(self.dev, scored)
        training = {
            key: trained.numbers[key] for key in ("examples", "right_share", "optimizer_steps", "trained_tokens")
        }
        facts = {**asdict(arm), "samples": composition(samples), **training}
        return (
            facts
            | discrimination(scored, scores)
            | votes(ballots(self.judged, [*scores, *unanswered_scores(self.judged)]))
        )


def unanswered_scores(samples: Sequence[Prediction]) -> list[SampleScore]:
    """Placeholder scores of the samples without an answer, which no vote looks at."""
    silent = [sample for sample in samples if sample.verdict.answer is None]
    return [SampleScore(problem_id=sample.problem_id, sample=sample.sample, score=0.0) for sample in silent]


def composition(samples: Sequence[Prediction]) -> dict[str, int]:
    """The number of different texts of each kind, and of questions with both right and wrong answers among them."""
    texts = distinct(samples)
    answers: dict[str, set[bool]] = defaultdict(set)
    for sample in texts:
        if sample.verdict.answer is not None:
            answers[sample.problem_id].add(sample.verdict.correct)
    right = sum(sample.verdict.correct for sample in texts)
    silent = sum(sample.verdict.answer is None for sample in texts)
    return {
        "questions": len({sample.problem_id for sample in samples}),
        "texts": len(texts),
        "right": right,
        "wrong_answered": len(texts) - right - silent,
        "without_answer": silent,
        "contested_questions": sum(len(kinds) == 2 for kinds in answers.values()),
    }


def discrimination(samples: Sequence[Prediction], scores: Sequence[SampleScore]) -> dict[str, float]:
    """Area under the ROC curve over different texts: all that are scored, those with an answer, those of one question.

    The last is the mean over questions with both right and wrong answers.
    """
    score_of = {(entry.problem_id, entry.sample): entry.score for entry in scores}
    right: dict[str, list[float]] = defaultdict(list)
    wrong: dict[str, list[float]] = defaultdict(list)
    silent: list[float] = []
    for sample in distinct(samples):
        score = score_of[sample.problem_id, sample.sample]
        if sample.verdict.answer is None:
            silent.append(score)
        else:
            (right if sample.verdict.correct else wrong)[sample.problem_id].append(score)
    good, bad = ([score for group in groups.values() for score in group] for groups in (right, wrong))
    within = [auc(right[name], wrong[name]) for name in right if name in wrong]
    return {"auc": auc(good, bad + silent), "auc_answered": auc(good, bad), "auc_within": statistics.fmean(within)}


def auc(right: Sequence[float], wrong: Sequence[float]) -> float:
    """Probability that a right text scores above a wrong one; ties count half."""
    gaps = np.subtract.outer(np.asarray(right), np.asarray(wrong))
    return float((gaps > 0).mean() + (gaps == 0).mean() / 2)


def votes(question_ballots: Sequence[Ballot]) -> dict[str, Any]:
    """Accuracy of votes over all samples of each question, and paired differences from the majority vote."""
    count = min(len(ballot.classes) for ballot in question_ballots)
    majority = [maj_at_k(ballot.classes, ballot.correct, count) for ballot in question_ballots]
    kinds = {"rerank": rerank_at_k, "weighted": weighted_at_k}
    result: dict[str, Any] = {}
    for kind, vote in kinds.items():
        values = [vote(ballot, count) for ballot in question_ballots]
        result[kind] = asdict(bootstrap(values))
        result[f"{kind}_over_maj"] = asdict(bootstrap(list(np.subtract(values, majority))))
    return result


def bounds(question_ballots: Sequence[Ballot]) -> dict[str, Any]:
    """What no reranker can change: the accuracy of one sample, one answered sample, the majority, and any right one."""
    count = min(len(ballot.classes) for ballot in question_ballots)
    answered = [
        [good for good, name in zip(ballot.correct, ballot.classes, strict=True) if name is not None]
        for ballot in question_ballots
    ]
    values = {
        "single": [statistics.fmean(ballot.correct) for ballot in question_ballots],
        "answered": [statistics.fmean(flags) if flags else 0.0 for flags in answered],
        "maj": [maj_at_k(ballot.classes, ballot.correct, count) for ballot in question_ballots],
        "pass": [pass_at_k(count, sum(ballot.correct), count) for ballot in question_ballots],
    }
    return {name: asdict(bootstrap(per_question)) for name, per_question in values.items()}


def main() -> None:
    """Run the arms; print a line and write the figures after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of the pipeline's models")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--method", default="reft", help="whose samples are reranked")
    parser.add_argument("--seed", type=int, default=11, help="seed of the questions that training has not seen")
    parser.add_argument("--dev", type=int, default=400)
    parser.add_argument("--k", type=int, default=16)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/reranker.json"))
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
        write_json(options.out, {**settings, **dev, "arms": arms, "machine": machine()})
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
