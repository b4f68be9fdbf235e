"""Self-training, the baselines of ReFT (arXiv 2401.08967, section 4.2), as pure functions.

The idea: the model samples solutions of its training problems and learns from those with the right answer. Offline it
samples once, at the start, and is fine-tuned on gold solutions and samples together; online it samples again at every
step and minimises

    L = 1/2 CE(right samples of the step) + 1/2 CE(gold solutions of the same problems)

with CE the mean cross-entropy a token; without a right sample only the second half remains. Wrong samples get no reward
and nothing ties the model to the one it started from: that is what ReFT adds.

Where the released code differs (each a switch of SelfTrainingParams): it keeps the first samples where the paper draws
random ones, lists every gold solution twice, starts offline training from the base model, truncates long gold
solutions, and learns online under dropout. All of this makes the baselines weaker than they need to be.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import add

from stepwise.params.reft import SelfTrainingParams
from stepwise.records import Example, Prediction, Problem, Span
from stepwise.tasks.base import Task, example
from stepwise.training.encoding import Encoded


def portions(problems: Sequence[Problem], completions: int, seed: int) -> list[tuple[list[Problem], int]]:
    """Groups of problems with the number of samples each problem gets: exactly `completions` in total.

    All get the same number; if it does not divide evenly, random problems get one more.
    """
    each, rest = divmod(completions, len(problems))
    more = set(random.Random(f"{seed}-portions").sample(range(len(problems)), rest))
    groups = [
        ([problem for index, problem in enumerate(problems) if index in more], each + 1),
        ([problem for index, problem in enumerate(problems) if index not in more], each),
    ]
    return [(members, count) for members, count in groups if members and count]


def sample_example(task: Task, problem: Problem, text: str, *, ended: bool = True) -> Example:
    """The training text of a sampled solution, as for a gold one; the end is learned only if the sample ended."""
    pieces = tuple(Span(text=piece, weight=0.0) for piece in task.prompt(problem))
    rest = () if ended else (Span(text="", weight=0.0),)
    return Example(id=problem.id, spans=(*pieces, Span(text=text.rstrip()), *rest))


def kept(samples: Sequence[Prediction], gold: str, params: SelfTrainingParams, seed: int) -> list[Prediction]:
    """The right samples of one problem that offline training learns from: different texts, none of them the gold.

    At most `params.keep` at random, or the first ones with `params.first_samples`.
    """
    different = {sample.text.rstrip(): sample for sample in reversed(samples) if sample.verdict.correct}
    different.pop(gold.rstrip(), None)
    chosen = [sample for sample in samples if different.get(sample.text.rstrip()) is sample]
    if params.first_samples or len(chosen) <= params.keep:
        return chosen[: params.keep]
    return random.Random(f"{seed}-{chosen[0].problem_id}").sample(chosen, params.keep)


def offline_examples(
    task: Task, problems: Sequence[Problem], samples: Sequence[Prediction], params: SelfTrainingParams, seed: int
) -> list[Example]:
    """Gold solutions, once or twice, and kept samples, problem by problem."""
    by_problem: dict[str, list[Prediction]] = {problem.id: [] for problem in problems}
    for sample in samples:
        by_problem[sample.problem_id].append(sample)
    examples: list[Example] = []
    for problem in problems:
        gold = [example(task, problem)] if problem.reference else []
        examples += [*gold, *gold] if params.doubled_gold else gold
        reference = problem.reference.text if problem.reference else ""
        for sample in kept(by_problem[problem.id], reference, params, seed):
            examples.append(sample_example(task, problem, sample.text, ended=sample.finish_reason != "length"))
    return examples


def combined(gold: Sequence[Encoded], right: Sequence[Encoded]) -> list[Encoded]:
    """Examples weighted so that the sum of weight x cross-entropy is the online loss L.

    Equal texts become one example with the sum of their weights: most right samples repeat the gold solution, and
    reading it once gives the same loss.
    """
    by_text: dict[tuple[tuple[int, ...], tuple[int, ...]], Encoded] = {}
    for encoded in (*_halved(gold), *_halved(right)):
        first = by_text.get((encoded.source, encoded.tokens))
        if first is not None:
            encoded = replace(encoded, id=first.id, weights=tuple(map(add, first.weights, encoded.weights)))
        by_text[encoded.source, encoded.tokens] = encoded
    return list(by_text.values())


def cut(encoded: Encoded, longest: int) -> Encoded:
    """The first `longest` tokens of an example; 0 cuts nothing."""
    if not longest:
        return encoded
    return replace(encoded, tokens=encoded.tokens[:longest], weights=encoded.weights[:longest])


def mini_batches(problems: Sequence[Problem], count: int, seed: str) -> list[list[Problem]]:
    """The problems of a step in random order, in `count` parts of about the same size."""
    order = list(problems)
    random.Random(seed).shuffle(order)
    return [part for start in range(count) if (part := order[start::count])]


def right_samples(samples: Sequence[Prediction]) -> Mapping[str, list[Prediction]]:
    """The right samples by problem."""
    by_problem: dict[str, list[Prediction]] = {}
    for sample in samples:
        if sample.verdict.correct:
            by_problem.setdefault(sample.problem_id, []).append(sample)
    return by_problem


def _halved(examples: Sequence[Encoded]) -> list[Encoded]:
    """Weights scaled to a sum of one half over all examples."""
    total = sum(weight for encoded in examples for weight in encoded.weights)
    if not total:
        return []
    return [replace(encoded, weights=tuple(0.5 * weight / total for weight in encoded.weights)) for encoded in examples]
