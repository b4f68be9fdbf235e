"""The prompts of a language model as verifier and improver, and what its answers mean (arXiv 2310.13522).

Both show examples and then the case at hand. The verifier names the earliest error in three lines:

    Q: ((7 - 2) * (-3 + 1)) =
    Answer: Let's think step by step.
    (1) ...
    (Final response) So the answer is 10.
    Earliest error step: (3)
    Error segment: "(-3 + 1) = 2"
    Error reason: -3 + 1 is -2.
    [END]

The improver continues a trajectory as `transcript.py` writes it, after the steps that are correct:

    Q: ...
    Answer: Let's think step by step.
    (1) ...
    Feedback: In step (3) the part "(-3 + 1) = 2" is incorrect. This is because -3 + 1 is -2.
    Updated Answer: Let's think step by step.
    (1) ...
    (2) ...

What comes before an attempt is the task's own prompt: the question, its options if there are any, and the hint. The
gold answer is removed from the problem before the prompt is written.

Where the released code differs: it takes the error's number for a line number; it accepts a segment that is nowhere in
the step; its chat models get a system message, while here the instruction begins the text, so that every model that
continues text will do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stepwise.methods.tripost.roles import CORRECT, ImproveRequest, VerifyRequest
from stepwise.methods.tripost.teacher.shots import Shots, WrongShot
from stepwise.methods.tripost.transcript import feedback_text, malformed, read_lead_in
from stepwise.records import Feedback, Problem, Prompt, Solution, Step
from stepwise.tasks.base import Task
from stepwise.tasks.generated.scripted import FINAL

END = "[END]"
STOP = (END, "\nQ:", "\nFeedback:", "\nUpdated Answer:")
_STEP, _SEGMENT, _REASON = HEADERS = ("Earliest error step:", "Error segment:", "Error reason:")
_SECTIONS = ("Q:", "Options:", "List:", "Answer:", "Feedback:", "Updated Answer:", *HEADERS, END)
"""How a line begins that is no step of an attempt."""
_NOTHING_WRONG = "The final response is correct."
_VERIFY = (
    "A teacher reads a student's answer and names the earliest step that is wrong, the part of it that is wrong, and "
    "the reason."
)
_OR_CORRECT = " If everything is correct, the step and the part are None."
_IMPROVE = (
    "A student corrects an answer after a teacher's feedback. The steps before the error stay as they are; the answer "
    "is written again from the error on."
)
_STEP_ID = re.compile(rf"(?:step )?\(?({FINAL}|\d+(?:\.\d+)*)\)?\.?", re.IGNORECASE)
_NONE = re.compile(r"\W*None\W*", re.IGNORECASE)
_CORRECT = re.compile(r"(?:the )?final response is (?:also )?correct\.?", re.IGNORECASE)
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d"}


def verifier_examples(task: Task, shots: Shots, *, may_be_correct: bool) -> str:
    """The beginning of every prompt of a verifier: with a right attempt among the wrong ones if one may be correct."""
    examples = []
    for shot in shots.wrong:
        verdict = (f"({shot.step})", f'"{shot.segment}"', f"{shot.reason}.")
        examples.append(_verified(task, shot.problem(task.name), shot.attempt, verdict))
    if may_be_correct:
        right = shots.right
        verdict = ("None", "None", _NOTHING_WRONG)
        examples.insert(1, _verified(task, right.problem(task.name), right.attempt, verdict))
    return f"{_VERIFY}{_OR_CORRECT if may_be_correct else ''}\n\n{''.join(examples)}"


def verifier_prompt(task: Task, examples: str, request: VerifyRequest) -> Prompt:
    """The prompt that a verifier continues after `Earliest error step:`."""
    attempt = _lines(request.solution.steps)
    return (examples, f"{question(task, request.problem)}{attempt}{_STEP}")


def improver_examples(task: Task, shots: Shots) -> str:
    """The beginning of every prompt of an improver."""
    examples = []
    for shot in shots.update:
        problem, attempt = shot.problem(task.name), task.parse(shot.attempt)
        examples.append(f"{_criticised(task, problem, attempt, feedback(shot))}{shot.update.strip()}\n{END}\n\n")
    return f"{_IMPROVE}\n\n{''.join(examples)}"


def improver_prompt(task: Task, examples: str, request: ImproveRequest) -> Prompt:
    """The prompt that an improver continues after the correct steps."""
    criticised = _criticised(task, request.problem, request.solution, request.feedback)
    return (examples, f"{criticised}{_lines(request.prefix)}")


def question(task: Task, problem: Problem) -> str:
    """The task's prompt. Nothing of the gold answer can get into it."""
    return "".join(task.prompt(problem.model_copy(update={"answer": "", "reference": None})))


def feedback(shot: WrongShot) -> Feedback:
    """The error of an example."""
    return Feedback(text=shot.reason, step=shot.step, segment=shot.segment)


def read_verdict(text: str, solution: Solution) -> Feedback | None:
    """What a verifier says about an attempt, from its continuation of the prompt.

    None if that is not three lines that name a step of the attempt, a part of it and a reason. Spaces in the part need
    not be as they are in the step. Never raises on model text.
    """
    lines = [line for line in map(str.strip, f"{_STEP}{text}".splitlines()) if line][: len(HEADERS)]
    if len(lines) < len(HEADERS) or not all(map(str.startswith, lines, HEADERS)):
        return None
    name, quoted, reason = (
        " ".join(line.removeprefix(header).split()) for line, header in zip(lines, HEADERS, strict=True)
    )
    if _NONE.fullmatch(name):
        return CORRECT if _NONE.fullmatch(quoted) and _CORRECT.fullmatch(reason) else None
    match = _STEP_ID.fullmatch(name)
    number = match and (FINAL if match[1].lower() == FINAL.lower() else match[1])
    step = next((step for step in solution.steps if step.id == number), None)
    segment = step and _segment(quoted, step.text.removeprefix(f"({step.id})").strip())
    clause = _clause(reason)
    if step is None or not segment or not clause:
        return None
    return Feedback(text=clause, step=step.id, segment=segment)


def read_update(task: Task, text: str, prefix: Sequence[Step]) -> Solution | None:
    """The attempt that an improver has written, from its continuation of the prompt.

    It ends with the final response, or where another section begins. None if it is not an attempt that begins with the
    prefix and has an answer. Never raises on model text.
    """
    lines = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith(_SECTIONS):
            break
        lines.append(line)
        if line.startswith(f"({FINAL})"):
            break
    solution = task.parse("\n".join([*(step.text for step in prefix), *lines]))
    kept = solution.steps[: len(prefix)] == tuple(prefix)
    return solution if kept and solution.answer is not None and malformed(solution.steps) is None else None


def _verified(task: Task, problem: Problem, attempt: str, verdict: Sequence[str]) -> str:
    lines = "\n".join(f"{header} {text}" for header, text in zip(HEADERS, verdict, strict=True))
    return f"{question(task, problem)}{attempt.strip()}\n{lines}\n{END}\n\n"


def _criticised(task: Task, problem: Problem, attempt: Solution, verdict: Feedback) -> str:
    """Question, attempt and feedback, up to the header of the update."""
    shown = question(task, problem)
    criticism = f"Feedback: {feedback_text(attempt, verdict)}\nUpdated Answer: {read_lead_in((shown,))}\n"
    return f"{shown}{_lines(attempt.steps)}{criticism}"


def _lines(steps: Sequence[Step]) -> str:
    return "".join(f"{step.text}\n" for step in steps)


def _segment(quoted: str, text: str) -> str | None:
    """The part of a step's text that a verifier has quoted; None if it is not there."""
    inner = quoted[1:-1] if len(quoted) > 1 and _QUOTES.get(quoted[0]) == quoted[-1] else quoted
    # with quotes inside, those at the ends may belong to the step, as in `"ant" < "bee"`
    for candidate in (quoted, inner) if '"' in inner else (inner, quoted):
        pattern = r"\s*".join(re.escape(character) for character in candidate if not character.isspace())
        match = re.search(pattern, text) if pattern else None
        if match is not None:
            return match[0]
    return None


def _clause(reason: str) -> str:
    """A reason as it stands after `This is because`."""
    clause = reason.removesuffix(".").strip()
    # a capital on its own is a letter of an equation, and capitals in a row are an abbreviation
    return clause[0].lower() + clause[1:] if clause[1:2].islower() else clause
