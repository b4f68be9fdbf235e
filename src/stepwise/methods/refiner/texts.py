"""What generator and critic read and write.

    generator   prompt                          -> solution
                prompt, attempt, feedback       -> solution
    critic      prompt, attempt                 -> feedback

The released code joins the same parts as token ids, each with an end-of-text token of its own; here they are lines of
text that end as the prompt does, so that decoder-only models can read them too.
"""

from __future__ import annotations

from stepwise.records import Example, Prompt, Span

FEEDBACK_STOP = ("\n",)
"""Feedback is a single line."""


def revision_prompt(prompt: Prompt, attempt: str, feedback: str) -> Prompt:
    """What the generator reads to revise an attempt: the prompt's last line asks for the solution once more."""
    whole = "".join(prompt)
    last_line = whole[whole.rstrip("\n").rfind("\n") + 1 :]
    return (*prompt, f"{attempt.strip()}\nFeedback: {feedback}\n{last_line}")


def critic_prompt(prompt: Prompt, attempt: str) -> Prompt:
    """What the critic reads."""
    return (*prompt, f"{attempt.strip()}\nFeedback:\n")


def training_text(name: str, prompt: Prompt, target: str, weight: float = 1.0) -> Example:
    """A training text: loss of the given weight on the target, none on the prompt."""
    return Example(
        id=name, spans=(*(Span(text=piece, weight=0.0) for piece in prompt), Span(text=target, weight=weight))
    )
