"""How a trained model improves its own answers: attempt, own feedback, own update (arXiv 2310.13522, section 3.4).

The idea: the model writes an attempt and the feedback on it, and after criticism an update, all in a single text. A
training row ends after an update, and so does the text; the model is then asked for feedback on that update alone, and
so on, until its feedback is positive or it has made `max_updates` updates:

    Q             ->  a_1 f_1 [a_2]
    Q a_2 Feedback:  ->  f_2 [a_3]

A model that was never taught to criticise stops after its attempt, and that is its answer. The last attempt that can be
read is the answer; an update that cannot be read, or that repeats the attempt, ends the conversation. What a text holds
beyond the last update that is allowed is ignored.

Where the released code differs: it continues its own text for up to three calls, whatever number of updates is asked
for, and truncates it on the left, so that the question can be lost; it calls an output repetitive by the length of its
last words, which a long word in a list is enough for; and where the text ends badly, its last line is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from stepwise.generation.base import Completion
from stepwise.interaction import Request
from stepwise.methods.tripost.transcript import (
    FEEDBACK_HEADER,
    UNREADABLE,
    Unreadable,
    is_positive,
    parse,
    pieces,
    read_lead_in,
    render,
    update_header,
)
from stepwise.records import Problem, SampledTrajectory, Trajectory, Turn
from stepwise.tasks.base import Task

AGENT = "agent"
"""The only speaker: the model plays all roles."""
SELF_IMPROVEMENT = "self_improvement"
"""The name of this way of answering on a model's card."""


@dataclass(frozen=True)
class Conversation:
    """What has been said about a problem."""

    problem: Problem
    turns: tuple[Turn, ...] = ()
    begun: bool = False
    fault: str = ""
    """Why the last text could not be read to its end."""
    unreadable: str = ""
    """The whole text in which that happened."""
    stalled: bool = False
    """Whether the last update repeats the attempt before it."""
    tokens: int = 0
    finish_reason: Literal["eos", "stop", "length"] = "eos"
    """Why the last text ends."""

    @property
    def answer_text(self) -> str:
        """The last attempt that can be read, else what was written in place of the first one."""
        if self.turns:
            return self.turns[-1].solution.text
        return self.unreadable.partition(FEEDBACK_HEADER)[0]

    def transcript(self, lead_in: str) -> str:
        """All turns as the model wrote them, and a note where something after them could not be read."""
        if not self.turns:
            return self.unreadable
        text = render(Trajectory(problem_id=self.problem.id, turns=self.turns), lead_in)
        return f"{text}\n[what follows cannot be read: {self.fault}]" if self.fault else text

    def to_record(self, sample: int = 0) -> SampledTrajectory:
        """The conversation as a stage stores it."""
        return SampledTrajectory(
            problem_id=self.problem.id,
            sample=sample,
            turns=self.turns,
            fault=self.fault,
            unreadable=self.unreadable,
            tokens=self.tokens,
        )


@dataclass(frozen=True)
class SelfImprovement:
    """The Dialogue of a model with itself."""

    task: Task
    max_updates: int
    """Most updates; with 0 the first attempt is the answer."""
    attempt_tokens: int
    """Length limit of an attempt, in the model's tokens."""
    feedback_tokens: int
    """Length limit of a feedback."""

    def begin(self, problem: Problem) -> Conversation:
        """See interaction.Dialogue."""
        return Conversation(problem)

    def request(self, state: Conversation) -> Request | None:
        """See interaction.Dialogue."""
        if not state.begun:
            return self._ask(state, ())
        updates = len(state.turns) - 1
        if state.fault or state.stalled or updates < 0:
            return None
        feedback = state.turns[-1].feedback
        if feedback is None:
            # the first attempt without feedback comes from a model that gives none
            return self._ask(state, self._known(state)) if 0 < updates < self.max_updates else None
        if is_positive(feedback) or feedback.kind == UNREADABLE or updates >= self.max_updates:
            return None
        return self._ask(state, self._known(state))

    def receive(self, state: Conversation, completion: Completion) -> Conversation:
        """See interaction.Dialogue."""
        known = "".join(self._known(state)) if state.begun else ""
        earlier = state.turns[:-1] if state.begun else ()
        text = known + completion.text
        read = parse(text, state.problem.id, self._lead_in(state.problem), self.task.parse)
        turns = (*earlier, *read.turns)[: self.max_updates + 1]
        fault = read.reason if isinstance(read, Unreadable) and len(turns) <= self.max_updates else ""
        stalled = len(turns) > 1 and turns[-1].solution.steps == turns[-2].solution.steps
        return replace(
            state,
            turns=turns,
            begun=True,
            fault=fault,
            unreadable=text if fault else "",
            stalled=stalled,
            tokens=state.tokens + len(completion.token_ids),
            finish_reason=completion.finish_reason,
        )

    def _ask(self, state: Conversation, known: tuple[str, ...]) -> Request:
        """Ask for what follows the known text: at most an attempt, feedback on it and an update."""
        whole = self.attempt_tokens + self.feedback_tokens
        tokens = whole if known else whole + self.attempt_tokens
        if not self.max_updates:
            tokens = self.attempt_tokens
        return Request(AGENT, (*self.task.prompt(state.problem), *known), tokens)

    def _known(self, state: Conversation) -> tuple[str, ...]:
        """The last attempt and, where the model stopped before its update, the feedback on it."""
        lead_in = self._lead_in(state.problem)
        last = state.turns[-1:]
        text = pieces(Trajectory(problem_id=state.problem.id, turns=last), lead_in)
        return (*text, FEEDBACK_HEADER if last[0].feedback is None else update_header(lead_in))

    def _lead_in(self, problem: Problem) -> str:
        return read_lead_in(self.task.prompt(problem))
