"""Self-improvement by prompting: examples in prompts take the place of training (arXiv 2310.13522, section 4.2).

few_shot             an attempt after solved problems, which is the answer
self_improve         the same attempt, then a verdict and an update in turn, until the verdict is that nothing is wrong,
                     or neither can be read, or there have been `max_updates` updates
self_improve_oracle  also stops as soon as an attempt has the gold answer. That is an oracle, which nobody has who needs
                     the answer: its accuracy is an upper bound, and no method without an oracle compares with it

The same model plays all roles, greedily. Verdicts and updates come from the prompts of a language model as teacher,
which may find nothing wrong here. An update that repeats its attempt ends the conversation, because the next verdict
would be the same again.

The prompting results in the paper's first table come from the oracle's mode, as a note in the released code says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stepwise.generation.base import Backend, Completion, Sampling
from stepwise.methods.tripost.dialogue import Conversation
from stepwise.methods.tripost.editing import steps_before
from stepwise.methods.tripost.examining import Examined, judge
from stepwise.methods.tripost.roles import Improver, ImproveRequest, Verifier, VerifyRequest
from stepwise.methods.tripost.rounds.breadth_first import improve_all, verify_all
from stepwise.methods.tripost.teacher.answers import Answers
from stepwise.methods.tripost.teacher.llm import LlmImprover, LlmSettings, LlmVerifier
from stepwise.methods.tripost.teacher.prompts import question
from stepwise.methods.tripost.transcript import FEEDBACK_HEADER, Unreadable, is_positive, parse, read_lead_in
from stepwise.params import ParamsError
from stepwise.params.tripost import ORACLE, PromptMode, PromptParams
from stepwise.records import Feedback, Problem, Prompt, Solution, Turn
from stepwise.tasks.base import Task

NO_VERDICT, NO_UPDATE = "no_verdict", "no_update"
"""Faults of a conversation that ends because the verdict, or the update, cannot be read."""


@dataclass(frozen=True)
class Prompting:
    """A model that answers from examples in its prompts."""

    task: Task
    backend: Backend
    mode: PromptMode
    max_updates: int
    attempt_tokens: int
    """Length limit of an attempt, in the model's tokens."""
    verifier: Verifier
    improver: Improver
    examples: str = ""
    """Solved problems, which stand before every question."""

    def converse(self, problems: Sequence[Problem], *, journal: Path | None = None) -> list[Conversation]:
        """A conversation about each problem, in order; `tokens` are those of the first attempt.

        Attempts are generated in one pass. In every round, so are the verdicts on all attempts that are still open, and
        then the updates of those that were criticised. `journal` is the file from which a killed pass resumes.
        """
        sampling = Sampling(max_new_tokens=self.attempt_tokens, stop=(*self.task.stop, FEEDBACK_HEADER))
        completions = self.backend.generate([self.prompt(each) for each in problems], sampling, journal=journal)
        talks = [self._begin(each, samples[0]) for each, samples in zip(problems, completions, strict=True)]
        for _ in range(self.max_updates if self.mode != "few_shot" else 0):
            due = self._open(talks)
            if not due:
                break
            verdicts = verify_all(self.verifier, [VerifyRequest(talks[n].problem, _last(talks[n])) for n in due])
            for n, verdict in zip(due, verdicts, strict=True):
                talks[n] = _judged(talks[n], verdict)
            requests = {n: request for n in due if (request := _improve_request(talks[n])) is not None}
            updates = improve_all(self.improver, list(requests.values()))
            for n, update in zip(requests, updates, strict=True):
                talks[n] = _updated(talks[n], update)
        return talks

    def prompt(self, problem: Problem) -> Prompt:
        """The solved problems and the question. Nothing of the gold answer can get into it."""
        text = question(self.task, problem)
        return (self.examples, text) if self.examples else (text,)

    def _begin(self, problem: Problem, completion: Completion) -> Conversation:
        """An attempt that cannot be read is the answer as it stands; what follows its final response is dropped."""
        lead_in = read_lead_in(self.task.prompt(problem))
        read = parse(completion.text, problem.id, lead_in, self.task.parse)
        fault = read.reason if isinstance(read, Unreadable) and not read.turns else ""
        return Conversation(
            problem,
            turns=tuple(Turn(solution=turn.solution) for turn in read.turns[:1]),
            begun=True,
            fault=fault,
            unreadable=completion.text if fault else "",
            tokens=len(completion.token_ids),
        )

    def _open(self, talks: Sequence[Conversation]) -> list[int]:
        """The numbers of the conversations that go on."""
        unfinished = [
            n
            for n, talk in enumerate(talks)
            if talk.turns and talk.turns[-1].feedback is None and not (talk.fault or talk.stalled)
        ]
        if self.mode != ORACLE:
            return unfinished
        verdicts = self.task.check_many([(talks[n].problem, _last(talks[n]).text) for n in unfinished])
        return [n for n, verdict in zip(unfinished, verdicts, strict=True) if not verdict.correct]


def make_prompting(
    prompt: PromptParams, task: Task, backend: Backend, train: Iterable[Problem], *, attempt_tokens: int, answers: Path
) -> Prompting:
    """How a model answers a task's problems by prompting.

    Args:
        prompt: mode, limits and number of solved problems.
        task: what the problems are.
        backend: the model that plays all roles.
        train: training problems; the first ones with a reference solution are shown.
        attempt_tokens: length limit of an attempt and of an update.
        answers: the file that keeps the model's verdicts and updates.

    Raises:
        ParamsError: too few training problems have a reference solution.
        ShotsError: the task has no examples of verdicts and updates.
    """
    kept = Answers(backend, answers)
    settings = LlmSettings(
        may_be_correct=True,
        verdict_tokens=prompt.verdict_tokens,
        update_tokens=attempt_tokens,
        update_temperature=0.0,
    )
    return Prompting(
        task=task,
        backend=backend,
        mode=prompt.mode,
        max_updates=prompt.max_updates,
        attempt_tokens=attempt_tokens,
        verifier=LlmVerifier(task, kept, settings),
        improver=LlmImprover(task, kept, settings),
        examples=solved_examples(task, train, prompt.shots),
    )


def solved_examples(task: Task, train: Iterable[Problem], count: int) -> str:
    """The first training problems with a reference solution, each in the task's own prompt format and a blank line.

    Raises ParamsError if there are fewer than `count`.
    """
    solved = [(problem, problem.reference) for problem in train if problem.reference is not None][:count]
    if len(solved) < count:
        raise ParamsError(
            f"{count} solved problems of {task.name} are to be shown, and {len(solved)} training problems have a "
            f"reference solution; lower the prompt's shots or raise task.{task.name}.references"
        )
    return "".join(f"{question(task, problem)}{reference.text.strip()}\n\n" for problem, reference in solved)


def examine(prompting: Prompting, problems: Sequence[Problem], *, journal: Path | None = None) -> Examined:
    """Checked answers, with the metrics of an evaluation and of self-correction.

    `oracle` is 1 if the gold answer decided when to stop. Raises EvaluationError if there are no problems.
    """
    result = judge(prompting.task, prompting.converse(problems, journal=journal))
    return replace(result, numbers={**result.numbers, "oracle": float(prompting.mode == ORACLE)})


def _last(talk: Conversation) -> Solution:
    return talk.turns[-1].solution


def _judged(talk: Conversation, verdict: Feedback | None) -> Conversation:
    if verdict is None:
        return replace(talk, fault=NO_VERDICT)
    return replace(talk, turns=(*talk.turns[:-1], Turn(solution=_last(talk), feedback=verdict)))


def _improve_request(talk: Conversation) -> ImproveRequest | None:
    """What the improver is asked, if the last attempt was criticised."""
    attempt, feedback = _last(talk), talk.turns[-1].feedback
    if feedback is None or is_positive(feedback):
        return None
    return ImproveRequest(talk.problem, attempt, feedback, steps_before(attempt, feedback))


def _updated(talk: Conversation, update: Solution | None) -> Conversation:
    if update is None:
        return replace(talk, fault=NO_UPDATE)
    return replace(talk, turns=(*talk.turns, Turn(solution=update)), stalled=update.steps == _last(talk).steps)
