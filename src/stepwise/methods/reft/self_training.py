"""Self-training, the baselines of ReFT (arXiv 2401.08967, section 4.2), as pure functions.

The idea: let the model sample solutions of its training questions and learn from those whose answer is right. Offline
it samples once, at the start, and is fine-tuned on gold and samples together; online it samples anew at every step and
takes

    L = 1/2 CE(right samples of the step) + 1/2 CE(gold solutions of the same questions)

with CE the mean cross-entropy a token; without a right sample only the second half is left. There is no reward for a
wrong sample and no tie to the first model: that is what ReFT adds.

Where the released code differs (each a switch of SelfTrainingParams): it keeps the first samples where the paper draws
them, lists every gold solution twice, starts offline training from the base model, cuts long gold solutions, and learns
online under dropout. All of it makes the baselines weaker than they need be.
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
    """Problems with how many samples each gets, so that together there are exactly `completions`.

    All get the same number but for a rest: so many problems, drawn at random, get one more.
    """
    each, rest = divmod(completions, len(problems))
    more = set(random.Random(f"{seed}-portions").sample(range(len(problems)), rest))
    groups = [
        ([one for index, one in enumerate(problems) if index in more], each + 1),
        ([one for index, one in enumerate(problems) if index not in more], each),
    ]
    return [(several, count) for several, count in groups if several and count]


def sample_example(task: Task, problem: Problem, text: str, *, ended: bool = True) -> Example:
    """The training text of a sampled solution: as of a gold one; the end is learned only where the sample ended."""
    pieces = tuple(Span(text=piece, weight=0.0) for piece in task.prompt(problem))
    rest = () if ended else (Span(text="", weight=0.0),)
    return Example(id=problem.id, spans=(*pieces, Span(text=text.rstrip()), *rest))


def kept(samples: Sequence[Prediction], gold: str, params: SelfTrainingParams, seed: int) -> list[Prediction]:
    """The right samples of one question that offline training learns from: different ones, none of them the gold.

    At most `params.keep`, at random, or the first where `first_samples` says so.
    """
    different = {one.text.rstrip(): one for one in reversed(samples) if one.verdict.correct}
    different.pop(gold.rstrip(), None)
    chosen = [one for one in samples if different.get(one.text.rstrip()) is one]
    if params.first_samples or len(chosen) <= params.keep:
        return chosen[: params.keep]
    return random.Random(f"{seed}-{chosen[0].problem_id}").sample(chosen, params.keep)


def offline_examples(
    task: Task, problems: Sequence[Problem], samples: Sequence[Prediction], params: SelfTrainingParams, seed: int
) -> list[Example]:
    """Gold solutions, once or twice, and kept samples, question by question."""
    by_problem: dict[str, list[Prediction]] = {one.id: [] for one in problems}
    for one in samples:
        by_problem[one.problem_id].append(one)
    examples: list[Example] = []
    for problem in problems:
        gold = example(task, problem)
        examples += [gold, gold] if params.doubled_gold else [gold]
        for one in kept(by_problem[problem.id], gold.spans[-1].text, params, seed):
            examples.append(sample_example(task, problem, one.text, ended=one.finish_reason != "length"))
    return examples


def combined(gold: Sequence[Encoded], right: Sequence[Encoded]) -> list[Encoded]:
    """Examples weighted so that the sum of weight x cross-entropy is the online loss L.

    Equal texts become one example with the sum of their weights: most right samples are the gold solution once more,
    and reading it once gives the same loss.
    """
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], Encoded] = {}
    for one in (*_halved(gold), *_halved(right)):
        first = found.get((one.source, one.tokens))
        if first is not None:
            one = replace(one, id=first.id, weights=tuple(map(add, first.weights, one.weights)))
        found[one.source, one.tokens] = one
    return list(found.values())


def cut(one: Encoded, longest: int) -> Encoded:
    """The first `longest` tokens of an example; 0 cuts nothing."""
    return replace(one, tokens=one.tokens[:longest], weights=one.weights[:longest]) if longest else one


def mini_batches(problems: Sequence[Problem], count: int, seed: str) -> list[list[Problem]]:
    """The questions of a step in `count` parts of about one size, in a random order."""
    order = list(problems)
    random.Random(seed).shuffle(order)
    return [part for start in range(count) if (part := order[start::count])]


def right_samples(samples: Sequence[Prediction]) -> Mapping[str, list[Prediction]]:
    """The right ones by problem."""
    found: dict[str, list[Prediction]] = {}
    for one in samples:
        if one.verdict.correct:
            found.setdefault(one.problem_id, []).append(one)
    return found


def _halved(examples: Sequence[Encoded]) -> list[Encoded]:
    """Weights scaled to a sum of one half over all examples."""
    total = sum(weight for one in examples for weight in one.weights)
    return [replace(one, weights=tuple(0.5 * weight / total for weight in one.weights)) for one in examples if total]
