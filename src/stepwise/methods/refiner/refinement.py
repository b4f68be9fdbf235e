"""The loop of a generator and an oracle critic that the generator is trained in (arXiv 2304.01904, section 3.3).

A problem x is learned from in T turns. Turn 1 reads x. For every later turn K attempts z' are sampled from the current
model on the turn before, the oracle writes feedback f on them, and the turn reads x, z' and f. The target is always the
gold z:

    L(theta) = - sum over t = 1..T of log p(z | x, z'_{t-1}, f_{t-1})

Where the released loop (spec 1.10, 3B) differs, and why this one does not follow it:

- It samples K attempts and goes on with the last, because its regrets are all 0. Here all K are learned from, each
  with an equal part of the problem's weight of 1 in a turn; `random` and `regret` choose one, as the paper's text says
  and as the code is written for.
- It learns to revise right attempts. Here they are skipped, as are copies of an attempt.
- It samples with dropout and a silent top-k of 50, and samples after the last turn, which nobody reads.
- It samples from the model of the same optimiser step. Here the attempts of a window of steps, by default an epoch's,
  are sampled at once, so that batches are full; the model that wrote them is older by as many steps at most.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from stepwise.evaluation import EvaluationError
from stepwise.generation.base import Backend, Sampling
from stepwise.methods.refiner.domains.base import Domain
from stepwise.methods.refiner.feedback import Fault
from stepwise.methods.refiner.perturbation import noisy, wrong_solutions
from stepwise.methods.refiner.texts import revision_prompt, training_text
from stepwise.params.refiner import RefinerTraining
from stepwise.records import Example, Problem, Prompt, Record
from stepwise.tasks.base import Task

Propose = Callable[[Sequence[Prompt], int], Sequence[Sequence[str]]]
"""So many attempts at each prompt."""


class Revision(Record):
    """What a turn reads besides the problem: an attempt and the feedback on it."""

    problem_id: str
    turn: int
    """From 2 on."""
    attempt: str
    feedback: str


def explore(
    task: Task, domain: Domain, problems: Sequence[Problem], propose: Propose, params: RefinerTraining, seed: str
) -> list[Revision]:
    """What turns 2 to `params.turns` read, turn by turn; problems must be different and have a reference solution.

    The second turn has `params.samples` attempts of each problem, and `params.perturbed` wrong solutions. With the
    exploration `all` each of them is continued with one attempt a turn, otherwise the chosen one with `params.samples`
    again.
    """
    revisions: list[Revision] = []
    pending = [(problem, task.prompt(problem)) for problem in problems]
    for turn in range(2, params.turns + 1):
        if not pending:
            break
        count = params.samples if turn == 2 or params.exploration != "all" else 1
        attempts: dict[str, list[str]] = defaultdict(list)
        for (problem, _), texts in zip(pending, propose([prompt for _, prompt in pending], count), strict=True):
            attempts[problem.id] += texts
        pending = []
        for problem in problems:
            rng = random.Random(f"{seed}-{turn}-{problem.id}")
            if turn == 2:
                attempts[problem.id] += islice(wrong_solutions(domain, problem, rng), params.perturbed)
            for attempt, faults in chosen(domain, problem, attempts[problem.id], params, rng):
                feedback = domain.templates.render(noisy(domain, problem, faults, params.noise, rng))
                revisions.append(Revision(problem_id=problem.id, turn=turn, attempt=attempt, feedback=feedback))
                pending.append((problem, revision_prompt(task.prompt(problem), attempt, feedback)))
    return revisions


def chosen(
    domain: Domain, problem: Problem, texts: Sequence[str], params: RefinerTraining, rng: random.Random
) -> list[tuple[str, tuple[Fault, ...]]]:
    """The attempts at a problem that are learned from, with their faults: different ones, in order."""
    attempts = [text.strip() for text in texts]
    if params.exploration == "random" and attempts:
        attempts = [rng.choice(attempts)]
    judged = [(attempt, domain.oracle(problem, attempt)) for attempt in dict.fromkeys(attempts)]
    if params.skip_solved:
        judged = [(attempt, faults) for attempt, faults in judged if faults]
    if params.exploration == "regret":
        return sorted(judged, key=lambda pair: len(pair[1]))[:1]
    return judged


def turn_examples(task: Task, problem: Problem, revisions: Sequence[Revision]) -> list[Example]:
    """The training texts of a problem's turns; those of each later turn have a weight of 1 together."""
    if problem.reference is None:
        raise ValueError(f"{problem.id} has no reference solution to learn from")
    prompt, gold = task.prompt(problem), problem.reference.text
    sizes = Counter(revision.turn for revision in revisions)
    return [training_text(problem.id, prompt, gold)] + [
        training_text(
            problem.id, revision_prompt(prompt, revision.attempt, revision.feedback), gold, 1 / sizes[revision.turn]
        )
        for revision in revisions
    ]


def by_problem(revisions: Sequence[Revision]) -> Mapping[str, list[Revision]]:
    """Revisions by the id of their problem; an empty list for a problem that has none."""
    grouped: dict[str, list[Revision]] = defaultdict(list)
    for revision in revisions:
        grouped[revision.problem_id].append(revision)
    return grouped


def solved_by_turn(
    task: Task, domain: Domain, backend: Backend, problems: Sequence[Problem], sampling: Sampling, *, turns: int
) -> list[float]:
    """Share of problems whose z is right after each of `turns` turns with the oracle; solved ones are not revised.

    Raises EvaluationError if there are no problems.
    """
    if not problems:
        raise EvaluationError(f"{task.name}: no problem with a reference solution to refine; check the size of dev")
    pending = [(problem, task.prompt(problem)) for problem in problems]
    shares: list[float] = []
    for _ in range(turns):
        completions = backend.generate([prompt for _, prompt in pending], sampling) if pending else []
        unsolved = []
        for (problem, _), (completion, *_) in zip(pending, completions, strict=True):
            if faults := domain.oracle(problem, completion.text):
                feedback = domain.templates.render(faults)
                unsolved.append((problem, revision_prompt(task.prompt(problem), completion.text, feedback)))
        pending = unsolved
        shares.append(1 - len(pending) / len(problems))
    return shares
