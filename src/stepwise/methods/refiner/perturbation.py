"""Solutions of known kinds of error, with the feedback on them (arXiv 2304.01904, section 3.2; spec 1.6).

A row is a `Trajectory` of one turn: a solution z' of a problem x and the oracle's feedback f on it, whose `kind` is the
kind of error, or empty for a right solution. The critic learns (x, z') -> f from it. The released script writes
(x, z', f) -> z under the same name, which is what a generator learns (here `refinement.py` makes such rows), and its
four corruptions of each problem give few kinds of error, some of them none at all. Here every kind gets equally many
rows: a problem without an error of some kind is made up for by others. No row occurs twice, and the held-out rows are
of other problems. A task with published solutions of known kinds (`Domain.listed`) has a row for each of them instead.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

from stepwise.methods.refiner.domains.base import Domain
from stepwise.methods.refiner.feedback import RIGHT, Fault
from stepwise.params.refiner import PerturbParams
from stepwise.records import Feedback, Problem, Solution, Trajectory, Turn


def split(problems: Sequence[Problem], held_out: float, seed: int) -> tuple[list[Problem], list[Problem]]:
    """The problems with a reference solution, in order: those to learn from, and those held out (at least one each)."""
    solved = [problem for problem in problems if problem.reference is not None]
    count = min(max(1, round(held_out * len(solved))), len(solved) - 1)
    chosen = set(random.Random(f"{seed}-held-out").sample(range(len(solved)), max(0, count)))
    return (
        [problem for index, problem in enumerate(solved) if index not in chosen],
        [problem for index, problem in enumerate(solved) if index in chosen],
    )


def critic_rows(domain: Domain, problems: Sequence[Problem], params: PerturbParams, seed: int) -> list[Trajectory]:
    """What a critic learns from or is judged on: the published solutions of the problems, or perturbed ones.

    Every problem must have a reference solution.
    """
    listed = [
        labelled(domain, problem, text, "" if kind == RIGHT else kind)
        for problem in problems
        for text, kind in domain.listed(problem)
    ]
    return listed or perturbed(domain, problems, params, seed)


def perturbed(domain: Domain, problems: Sequence[Problem], params: PerturbParams, seed: int) -> list[Trajectory]:
    """About `params.rows` rows per problem, a share of them right, the others spread evenly over the kinds of error.

    Fewer if the domain has no more different wrong solutions. Every problem must have a reference solution.
    """
    total = params.rows * len(problems)
    right = random.Random(f"{seed}-right").sample(list(problems), min(len(problems), round(params.right_share * total)))
    rows = [labelled(domain, problem, problem.reference.text) for problem in right if problem.reference is not None]
    drawn = {
        kind: _different(domain, problems, kind, random.Random(f"{seed}-{kind}")) for kind in domain.templates.sentences
    }
    sizes = dict.fromkeys(drawn, 0)
    while drawn and len(rows) < total:
        kind = min(drawn, key=sizes.__getitem__)
        row = next(drawn[kind], None)
        if row is None:
            del drawn[kind]
        else:
            rows.append(row)
            sizes[kind] += 1
    return rows


def labelled(domain: Domain, problem: Problem, text: str, kind: str = "") -> Trajectory:
    """A solution with the oracle's feedback on it."""
    feedback = Feedback(text=domain.templates.render(domain.oracle(problem, text)), kind=kind)
    return Trajectory(problem_id=problem.id, turns=(Turn(solution=Solution(text=text), feedback=feedback),))


def counts(rows: Sequence[Trajectory]) -> dict[str, float]:
    """Numbers of rows: all, and by kind."""
    kinds = Counter(turn.feedback.kind or RIGHT for row in rows for turn in row.turns if turn.feedback is not None)
    return {"rows": float(len(rows)), **{f"rows_{kind}": float(count) for kind, count in sorted(kinds.items())}}


def noisy(
    domain: Domain, problem: Problem, faults: tuple[Fault, ...], chance: float, rng: random.Random
) -> tuple[Fault, ...]:
    """The faults or, with the given chance, those of some other wrong solution of the problem (section 5)."""
    if rng.random() >= chance:
        return faults
    for text in wrong_solutions(domain, problem, rng):
        others = domain.oracle(problem, text)
        if set(others) != set(faults):
            return others
    return faults


def wrong_solutions(domain: Domain, problem: Problem, rng: random.Random) -> Iterator[str]:
    """A wrong solution of each kind that the problem has, in random order."""
    kinds = list(domain.templates.sentences)
    rng.shuffle(kinds)
    for kind in kinds:
        text = domain.perturb(problem, kind, rng)
        if text is not None:
            yield text


def _different(domain: Domain, problems: Sequence[Problem], kind: str, rng: random.Random) -> Iterator[Trajectory]:
    """Wrong solutions of a kind, no two the same, problem by problem; ends when a whole pass brings nothing new."""
    order = list(problems)
    rng.shuffle(order)
    seen: set[tuple[str, str]] = set()
    size = -1
    while len(seen) > size:
        size = len(seen)
        for problem in order:
            text = domain.perturb(problem, kind, rng)
            if text is not None and (problem.id, text) not in seen:
                seen.add((problem.id, text))
                yield labelled(domain, problem, text, kind)
