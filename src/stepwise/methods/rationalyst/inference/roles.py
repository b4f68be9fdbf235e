"""Who is asked what: agent, RATIONALYST, scorer and verifier as prompts to backends. No torch here.

The agent reads its solved examples first; RATIONALYST and the scorer read question and steps alone, as in training and
in the filter (the released code shows the scorer the examples too, and the note in another form than the filter's).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from stepwise.generation.base import Backend, Completion, Sampling
from stepwise.methods.rationalyst.inference.note_writer import Rationalyst
from stepwise.methods.rationalyst.inference.state import A, Attempt, B, Candidate, Choice, Note
from stepwise.methods.rationalyst.inference.verifier import GRADE_TOKENS, LEAD, grade, question
from stepwise.methods.rationalyst.rendering import Query, aided
from stepwise.params.rationalyst import RationalystSupervisionParams
from stepwise.records import Problem, Prompt
from stepwise.tasks.base import Task


@dataclass
class Roles:
    """The Models of `attempts` over backends."""

    task: Task
    params: RationalystSupervisionParams
    agent: Backend
    rationalyst: Rationalyst
    scorer: Backend
    verifier: Backend
    verifier_query: Query = field(default_factory=Query)
    shots: Callable[[Problem], str] = lambda _: ""
    """Solved problems before the agent's question, as text; see `solved`."""
    seed: int = 0
    at_the_same_time: bool = False
    """Whether agent and RATIONALYST are asked at the same time: for servers, not for models in this process."""
    graded: int = 0
    """Grades that the verifier was asked for, and those that could not be read."""
    unreadable: int = 0

    def text(self, attempt: Attempt) -> str:
        """Question and steps so far, as RATIONALYST reads them."""
        return "".join(self._pieces(attempt))

    def propose(self, attempts: Sequence[Attempt], count: int, *, sampled: bool) -> list[list[Candidate]]:
        """See Models. A step ends where `step_end` is, or with the agent's answer."""
        prompts = []
        for attempt in attempts:
            *first, last = self._pieces(attempt)
            read = aided(last, attempt.note) if attempt.note else (last,)
            prompts.append(self._led(attempt.problem, *first, *read))
        stop = (self.params.step_end, *self.task.stop)
        found = self.agent.generate(prompts, self._sampling(self.params.step_tokens, count, stop, sampled=sampled))
        return [[_candidate(one) for one in several] for several in found]

    def solve(self, problems: Sequence[Problem], count: int) -> list[list[Candidate]]:
        """See Models; as long as the steps of other methods may be together."""
        prompts = [self._led(problem, *self.task.prompt(problem)) for problem in problems]
        longest = self.params.steps * self.params.step_tokens
        found = self.agent.generate(prompts, self._sampling(longest, count, self.task.stop))
        return [[_candidate(one, whole=True) for one in several] for several in found]

    def notes(self, attempts: Sequence[Attempt]) -> list[Note]:
        """See Models."""
        return self.rationalyst.write([self.text(attempt) for attempt in attempts])

    def likelihoods(self, choices: Sequence[Choice]) -> list[list[tuple[float, ...]]]:
        """See Models. Without a note the text is cut at the same places, so that the note is the only difference."""
        items = []
        for choice in choices:
            *first, last = self._pieces(choice.attempt)
            items.append(((*first, *aided(last, choice.note)), choice.texts))
        return self.scorer.score_many(items)

    def grades(self, choices: Sequence[Choice]) -> list[list[int | None]]:
        """See Models."""
        asked = [question(self.text(choice.attempt), text) for choice in choices for text in choice.texts]
        sampling = Sampling(max_new_tokens=GRADE_TOKENS)
        prompts = [(*self.verifier_query.prompt(one), LEAD) for one in asked]
        found = self.verifier.generate(prompts, sampling)
        read = [grade(one.text) for (one,) in found]
        self.graded, self.unreadable = self.graded + len(read), self.unreadable + read.count(None)
        grades = iter(read)
        return [[next(grades) for _ in choice.texts] for choice in choices]

    def take_grades(self) -> tuple[int, int]:
        """How many grades were asked for and how many could not be read, since the last time."""
        counts, self.graded, self.unreadable = (self.graded, self.unreadable), 0, 0
        return counts

    def at_once(self, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
        """See Models."""
        if not self.at_the_same_time:
            return first(), second()
        with ThreadPoolExecutor(1) as pool:
            later = pool.submit(second)
            return first(), later.result()

    def _pieces(self, attempt: Attempt) -> Prompt:
        """Question and steps so far; each step with what ends it."""
        steps = "".join(step + self.params.step_end for step in attempt.steps)
        return (*self.task.prompt(attempt.problem), steps) if steps else self.task.prompt(attempt.problem)

    def _led(self, problem: Problem, *pieces: str) -> Prompt:
        examples = self.shots(problem)
        return (examples, *pieces) if examples else pieces

    def _sampling(self, tokens: int, count: int, stop: tuple[str, ...], *, sampled: bool = True) -> Sampling:
        temperature = self.params.temperature if sampled else 0.0
        return Sampling(max_new_tokens=tokens, temperature=temperature, n=count, stop=stop, seed=self.seed)


def solved(task: Task, problems: Sequence[Problem]) -> str:
    """Problems with their reference solutions, one after the other, as an agent's examples."""
    shown = [(task.prompt(one), one.reference.text) for one in problems if one.reference is not None]
    return "".join(f"{''.join(prompt)}{text.rstrip()}\n\n" for prompt, text in shown)


def _candidate(made: Completion, *, whole: bool = False) -> Candidate:
    tokens = len(made.token_ids) or len(made.logprobs)
    ended = made.finish_reason == "eos" or (whole and made.finish_reason == "stop")
    return Candidate(made.text.rstrip(), ended, tokens)
