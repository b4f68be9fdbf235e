"""How a trajectory is written: one renderer and one parser between text and records (arXiv 2310.13522).

The idea: the model attempts, criticises and revises in a single text, which continues the prompt of the task:

    (1) 1 + 2 = 4.
    (Final response) So the answer is 4.
    Feedback: In step (1) the part "1 + 2 = 4" is incorrect. This is because 1 + 2 is 3.
    Updated Answer: Let's think step by step.
    (1) 1 + 2 = 3.
    (Final response) So the answer is 3.
    Feedback: Step (1) is correct. The final response is also correct.

In records, a Feedback holds the erroneous step, the wrong part of it and the reason (`text`); the sentences around them
follow from the attempt, so they are written in one way only, whoever the feedback comes from. `kind` is not part of the
text. Whatever a model writes, `parse` answers with a trajectory or with the reason why there is none.

Where the released code differs: it spells the positive feedback in three ways and counts lines for the last step, which
is wrong where ids are nested; its hint is missing from some headers; an unexpected line ends in an exception that is
swallowed; a second `Q:` can count as the last line of an attempt (here it ends the text, as in generation); and it
drops repeated lines silently, which then cannot be told from a text that never had them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from stepwise.methods.tripost.roles import CORRECT
from stepwise.records import Feedback, Prompt, Solution, Step, Trajectory, Turn
from stepwise.tasks.generated.scripted import FINAL

Fault = Literal["empty", "unknown_line", "header_order", "repeated_step", "after_final", "unfinished"]
"""Why a text cannot be read: an attempt without lines, a line that is neither a step nor a header, a header that is
repeated or left out, a step id used twice, a step after the final response, an attempt without a final response."""

UNREADABLE = "unreadable"
"""`kind` of a feedback that is neither positive nor names a step, a part and a reason; `text` is the whole of it."""

_FEEDBACK, _ANSWER, _UPDATED = "Feedback:", "Answer:", "Updated Answer:"
FEEDBACK_HEADER = f"\n{_FEEDBACK}"
"""What stands between an attempt and the feedback on it."""
_ID = rf"(?:{FINAL}|\d+(?:\.\d+)*)"
_PREFIX = rf"(?:Step \({_ID}\)(?: to (?:step )?\({_ID}\))? (?:is|are) correct\. )?"
_POSITIVE = re.compile(rf"{_PREFIX}The final response is also correct\.")
_NEGATIVE = re.compile(rf'{_PREFIX}In step \(({_ID})\) the part "(.*?)" is incorrect\. This is because (.*)\.')


@dataclass(frozen=True)
class Unreadable:
    """A text, or an attempt in it, that is not of the form above, with the line where that shows."""

    reason: Fault
    line: str = ""
    turns: tuple[Turn, ...] = ()
    """What could be read before that line; as a trajectory of its own it can still be edited."""


def is_positive(feedback: Feedback) -> bool:
    """Whether a feedback says that nothing is wrong."""
    return feedback.step is None and feedback.kind != UNREADABLE


def read_lead_in(prompt: Prompt) -> str:
    """What a task's prompt says after its last `Answer:`, the hint included; the header of an update repeats it."""
    text = "".join(prompt)
    return text[text.rindex(_ANSWER) + len(_ANSWER) :].strip()


def pieces(trajectory: Trajectory, lead_in: str) -> tuple[str, ...]:
    """The text in the parts that different writers may write: attempt, header, feedback, header, attempt, ...

    Training and generation tokenise them separately. There is no header after the last feedback.
    """
    parts: list[str] = []
    for turn in trajectory.turns:
        if parts:
            parts.append(update_header(lead_in))
        parts.append("\n".join(step.text for step in turn.solution.steps))
        if turn.feedback is not None:
            parts += (FEEDBACK_HEADER, f" {feedback_text(turn.solution, turn.feedback)}")
    return tuple(parts)


def update_header(lead_in: str) -> str:
    """What stands between a feedback and the next attempt."""
    return f"\n{_UPDATED} {lead_in}\n"


def render(trajectory: Trajectory, lead_in: str) -> str:
    """The text that continues the prompt."""
    return "".join(pieces(trajectory, lead_in))


def feedback_text(solution: Solution, feedback: Feedback) -> str:
    """A feedback on a solution as one line, without its header."""
    if feedback.kind == UNREADABLE:
        return feedback.text
    ids = [step.id for step in solution.steps]
    if feedback.step is None:
        return f"{_correct_steps([number for number in ids if number != FINAL])}The final response is also correct."
    before = ids[: ids.index(feedback.step)] if feedback.step in ids else []
    segment, reason = (" ".join(text.splitlines()) for text in (feedback.segment or "", feedback.text))
    error = f'In step ({feedback.step}) the part "{segment}" is incorrect.'
    return f"{_correct_steps(before)}{error} This is because {reason}."


def parse(
    text: str, problem_id: str, lead_in: str, read_solution: Callable[[str], Solution]
) -> Trajectory | Unreadable:
    """Read what a model wrote after the prompt; `read_solution` is the task's `parse`. Never raises on model text."""
    turns: list[Turn] = []
    for index, (header, lines) in enumerate(_sections(text, lead_in)):
        expected = _FEEDBACK if index % 2 else _UPDATED if index else _ANSWER
        if header != expected:
            return Unreadable("header_order", header, tuple(turns))
        if header == _FEEDBACK:
            if len(lines) > 1:
                return Unreadable("unknown_line", lines[1], tuple(turns))
            turns[-1] = Turn(solution=turns[-1].solution, feedback=parse_feedback(lines[0]))
            continue
        if lines[0] != lead_in:
            return Unreadable("unknown_line", f"{header} {lines[0]}", tuple(turns))
        solution = read_solution("\n".join(lines[1:]))
        fault = malformed(solution.steps)
        if fault is not None:
            finished = _up_to_final(solution, read_solution)
            return replace(fault, turns=(*turns, *([Turn(solution=finished)] if finished else [])))
        turns.append(Turn(solution=solution))
    return Trajectory(problem_id=problem_id, turns=tuple(turns))


def parse_feedback(line: str) -> Feedback:
    """A feedback from its line, without the header."""
    if _POSITIVE.fullmatch(line):
        return CORRECT
    match = _NEGATIVE.fullmatch(line)
    if match is None:
        return Feedback(text=line, kind=UNREADABLE)
    step, segment, reason = match.groups()
    return Feedback(text=reason, step=step, segment=segment or None)


def malformed(steps: Sequence[Step]) -> Unreadable | None:
    """What is wrong with the form of an attempt: its steps need distinct ids, with the final response at the end."""
    if not steps:
        return Unreadable("empty")
    seen: set[str] = set()
    for step in steps:
        if not step.id:
            return Unreadable("unknown_line", step.text)
        if step.id in seen:
            return Unreadable("repeated_step", step.text)
        if FINAL in seen:
            return Unreadable("after_final", step.text)
        seen.add(step.id)
    return None if FINAL in seen else Unreadable("unfinished", steps[-1].text)


def _up_to_final(solution: Solution, read_solution: Callable[[str], Solution]) -> Solution | None:
    """An attempt without what follows its final response, if it is well-formed up to there."""
    ids = [step.id for step in solution.steps]
    steps = solution.steps[: ids.index(FINAL) + 1] if FINAL in ids else ()
    if malformed(steps) is not None:
        return None
    return read_solution("\n".join(step.text for step in steps))


def _sections(text: str, lead_in: str) -> list[tuple[str, list[str]]]:
    """Headers, each with its rest of line and the lines below. The prompt has the first one. `Q:` ends the text."""
    sections: list[tuple[str, list[str]]] = [(_ANSWER, [lead_in])]
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("Q:"):
            break
        header = next((name for name in (_FEEDBACK, _UPDATED) if line.startswith(name)), None)
        if header is None:
            sections[-1][1].append(line)
        else:
            sections.append((header, [line.removeprefix(header).strip()]))
    return sections


def _correct_steps(ids: Sequence[str]) -> str:
    if len(ids) < 2:
        return f"Step ({ids[0]}) is correct. " if ids else ""
    return f"Step ({ids[0]}) to step ({ids[-1]}) are correct. "
