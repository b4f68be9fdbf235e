"""The hints of the released code, for comparison only: `FormulaDomain` is what training and inference use.

The released oracle splits both formulas at single blanks and compares them slot by slot: seven slots a step, `#0:`,
operator, `(`, first operand with its comma, second operand, `)` and `|`. Its defects are kept, since they are what the
comparison is about:

* a missing or extra step shifts all later slots, so that they count as wrong;
* the first operand of step 3 is looked for one slot too late;
* operands outside a fixed list, such as `#2` and constants, get no hint; nor do surplus steps and blanks. The hint may
  then be empty although the formula is wrong, or not empty although it differs by a blank only.
"""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.tasks.formats.formulas import SIGNS, Operation

_NUMBERS = frozenset([f"number{i}" for i in range(7)] + [f"number{i}," for i in range(4)] + ["#0", "#1", "#0,", "#1,"])
_SLOTS_OF_STEP = 7
_LAST_STEP = 3
_FIRST_OPERANDS = (3, 10, 17, 25)
_SECOND_OPERAND_OF_STEP_0 = 4


def released_text(operations: Sequence[Operation]) -> str:
    """A formula as the released files write it: `#0: subtract ( number0, number1 ) |  EOS`."""

    def operand(text: str) -> str:
        return f"number{text[1:]}" if text[0] == "n" else text

    steps = (
        f"#{index}: {name} ( {operand(left)}, {operand(right)} ) | "
        for index, (name, left, right) in enumerate(operations)
    )
    return "".join(steps) + " EOS"


def released_hint(hypothesis: str, gold: str) -> str:
    """The hint on a hypothesis, both formulas as the released files write them; blanks are as in the original."""
    if hypothesis == gold:
        return " <hint>  No  | EOH "
    sentences = []
    missing = gold.count("|") - hypothesis.count("|")
    if missing:
        sentences.append(f" {'add' if missing > 0 else 'remove'} an operator. ")
    written, slots = hypothesis.split(" "), gold.split(" ")
    sentences += [
        _sentence(index, slot) for index, slot in enumerate(slots) if index >= len(written) or written[index] != slot
    ]
    return " <hint> " + "".join(sentences) + " | EOH "


def _sentence(index: int, slot: str) -> str:
    """What the released oracle says about a slot of the gold formula that the hypothesis does not match."""
    step = min(index // _SLOTS_OF_STEP, _LAST_STEP)
    if slot in SIGNS:
        return f" the operator in #{step} is incorrect. "
    if slot not in _NUMBERS:
        return ""
    if index == _FIRST_OPERANDS[step]:
        return f" the first number in #{step} is incorrect. "
    if step == 0 and index != _SECOND_OPERAND_OF_STEP_0:
        return ""
    return f" the second number in #{step} is incorrect. "
