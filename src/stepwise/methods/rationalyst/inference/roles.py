"""The prompts of each role: agent, RATIONALYST, scorer and verifier, over backends. No torch here.

Only the agent reads solved examples; RATIONALYST and the scorer read question and steps alone, as in training and in
the filter (the released code shows the examples to the scorer too, and the note in a form other than the filter's).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from stepwise.generation.base import Backend, Completion, Sampling
from stepwise.methods.rationalyst.inference.note_writer import NoteWriter
from stepwise.methods.rationalyst.inference.state import A, B, Candidate, Choice, Note, PartialSolution
from stepwise.methods.rationalyst.inference.verifier import GRADE_TOKENS, LEAD, grade, question
from stepwise.methods.rationalyst.rendering import Query, with_note
from stepwise.params.rationalyst import RationalystSupervisionParams
from stepwise.records import Problem, Prompt
from stepwise.tasks.base import Task


@dataclass
class Roles:
    """The protocol `Models` over backends."""

    task: Task
    params: RationalystSupervisionParams
    agent: Backend
    note_writer: NoteWriter
    scorer: Backend
    verifier: Backend
    verifier_query: Query = field(default_factory=Query)
    shots: Callable[[Problem], str] = lambda _: ""
    """Solved problems before the agent's question, as text; see `render_examples`."""
    seed: int = 0
    concurrent: bool = False
    """Whether agent and RATIONALYST run at the same time: yes for servers, no for models in this process."""
    graded: int = 0
    """How many grades the verifier gave, and how many of them could not be read."""
    unreadable: int = 0

    def text(self, solution: PartialSolution) -> str:
        """Question and steps so far, as RATIONALYST reads them."""
        return "".join(self._pieces(solution))

    def propose(self, solutions: Sequence[PartialSolution], count: int, *, sampled: bool) -> list[list[Candidate]]:
        """See Models. A step ends at `step_end` or where the agent's answer ends."""
        prompts = []
        for solution in solutions:
            *first, last = self._pieces(solution)
            ending = with_note(last, solution.note) if solution.note else (last,)
            prompts.append(self._with_examples(solution.problem, *first, *ending))
        stop = (self.params.step_end, *self.task.stop)
        sampling = self._sampling(self.params.step_tokens, count, stop, sampled=sampled)
        completions = self.agent.generate(prompts, sampling)
        return [[_candidate(completion) for completion in samples] for samples in completions]

    def solve(self, problems: Sequence[Problem], count: int) -> list[list[Candidate]]:
        """See Models. A solution may be as long as all steps of the other strategies together."""
        prompts = [self._with_examples(problem, *self.task.prompt(problem)) for problem in problems]
        longest = self.params.steps * self.params.step_tokens
        completions = self.agent.generate(prompts, self._sampling(longest, count, self.task.stop))
        return [[_candidate(completion, whole=True) for completion in samples] for samples in completions]

    def notes(self, solutions: Sequence[PartialSolution]) -> list[Note]:
        """See Models."""
        return self.note_writer.write([self.text(solution) for solution in solutions])

    def likelihoods(self, choices: Sequence[Choice]) -> list[list[tuple[float, ...]]]:
        """See Models. Without a note the text is cut at the same places, so that the note is the only difference."""
        items = []
        for choice in choices:
            *first, last = self._pieces(choice.solution)
            items.append(((*first, *with_note(last, choice.note)), choice.texts))
        return self.scorer.score_many(items)

    def grades(self, choices: Sequence[Choice]) -> list[list[int | None]]:
        """See Models."""
        questions = [question(self.text(choice.solution), text) for choice in choices for text in choice.texts]
        sampling = Sampling(max_new_tokens=GRADE_TOKENS)
        completions = self.verifier.generate(
            [(*self.verifier_query.prompt(text), LEAD) for text in questions], sampling
        )
        grades = [grade(completion.text) for (completion,) in completions]
        self.graded, self.unreadable = self.graded + len(grades), self.unreadable + grades.count(None)
        rest = iter(grades)
        return [[next(rest) for _ in choice.texts] for choice in choices]

    def pop_grade_counts(self) -> tuple[int, int]:
        """How many grades were given and how many were unreadable since the last call."""
        counts, self.graded, self.unreadable = (self.graded, self.unreadable), 0, 0
        return counts

    def run_both(self, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
        """See Models."""
        if not self.concurrent:
            return first(), second()
        with ThreadPoolExecutor(1) as pool:
            later = pool.submit(second)
            return first(), later.result()

    def _pieces(self, solution: PartialSolution) -> Prompt:
        """Question and steps so far, each step with its terminator."""
        steps = "".join(step + self.params.step_end for step in solution.steps)
        return (*self.task.prompt(solution.problem), steps) if steps else self.task.prompt(solution.problem)

    def _with_examples(self, problem: Problem, *pieces: str) -> Prompt:
        examples = self.shots(problem)
        return (examples, *pieces) if examples else pieces

    def _sampling(self, tokens: int, count: int, stop: tuple[str, ...], *, sampled: bool = True) -> Sampling:
        temperature = self.params.temperature if sampled else 0.0
        return Sampling(max_new_tokens=tokens, temperature=temperature, n=count, stop=stop, seed=self.seed)


def render_examples(task: Task, problems: Sequence[Problem]) -> str:
    """Problems with their reference solutions, one after the other, as few-shot examples."""
    pairs = [(task.prompt(problem), problem.reference.text) for problem in problems if problem.reference is not None]
    return "".join(f"{''.join(prompt)}{text.rstrip()}\n\n" for prompt, text in pairs)


def _candidate(completion: Completion, *, whole: bool = False) -> Candidate:
    tokens = len(completion.token_ids) or len(completion.logprobs)
    ended = completion.finish_reason == "eos" or (whole and completion.finish_reason == "stop")
    return Candidate(completion.text.rstrip(), ended, tokens)
