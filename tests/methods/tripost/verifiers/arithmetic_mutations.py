"""Wrong arithmetic attempts: gold rationales with a single error whose step and category are known."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from stepwise.methods.tripost.verifiers import arithmetic
from stepwise.records import Problem, Solution
from stepwise.tasks.generated.expressions import evaluate, parse, reduction
from stepwise.tasks.generated.scripted import FINAL
from tests.methods.tripost.verifiers.attempts import numbered, texts

Wrong = tuple[Solution, str, str]
"""The attempt, the id of its erroneous step and the category."""


def changed_part(problem: Problem, generator: random.Random) -> Wrong:
    """The first step has another operand or operator in one part."""
    lines = texts(problem.reference)
    head, listing = lines[0].split(", where ")
    lines[0] = f"{head}, where {changed(listing, generator)}"
    return numbered(lines), "1", arithmetic.PARTITION


def swapped_operands(problem: Problem, generator: random.Random) -> Wrong | None:
    """A part of the first step has its operands in another order, and the same value."""
    lines = texts(problem.reference)
    sums = [m for m in re.finditer(r"\((-?\d) \+ (-?\d)(?= [-+]|\))", lines[0]) if m[1] != m[2]]
    if not sums:
        return None
    match = generator.choice(sums)
    lines[0] = f"{lines[0][: match.start()]}({match[2]} + {match[1]}{lines[0][match.end() :]}"
    return numbered(lines), "1", arithmetic.PARTITION


def changed_first_equation(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    match = generator.choice(list(re.finditer(r" ([-+*]) (?=[A-Z(])", lines[0].split(", where ")[0])))
    other = generator.choice([operator for operator in "+-*" if operator != match[1]])
    lines[0] = f"{lines[0][: match.start(1)]}{other}{lines[0][match.end(1) :]}"
    return numbered(lines), "1", arithmetic.PARTITION


def copied_operand(problem: Problem, generator: random.Random) -> Wrong:
    """A part is calculated without error, but with an operand or operator that is not the question's."""
    lines = texts(problem.reference)
    number = generator.randrange(1, len(lines) - 2)
    letter, group = re.match(r"Let's calculate ([A-Z]) = (\([^()]*\))", lines[number]).groups()
    lines[number] = f"Let's calculate {letter} = {chain(changed(group, generator))}."
    return numbered(lines), str(number + 1), arithmetic.OPERAND


def lost_bracket(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    number = generator.randrange(1, len(lines) - 2)
    brackets = [m.start() for m in re.finditer(r"[()]", lines[number])]
    place = generator.choice(brackets)
    lines[number] = lines[number][:place] + lines[number][place + 1 :]
    return numbered(lines), str(number + 1), arithmetic.INVALID


def unfinished(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    number = generator.randrange(1, len(lines) - 2)
    lines[number] = lines[number].rpartition(" = ")[0] + "."
    return numbered(lines), str(number + 1), arithmetic.INVALID


def miscalculated(problem: Problem, generator: random.Random) -> Wrong:
    """A side of a calculation or of the final equation gets another value; what follows agrees with it."""
    lines = texts(problem.reference)
    number = generator.randrange(1, len(lines) - 1)
    sides = lines[number].removesuffix(".").split(" = ")
    # The first two sides of a line are a letter and its part, or the equation and its values.
    side = generator.randrange(2, len(sides))
    wrong = changed(sides[side], generator)
    lines[number] = " = ".join([*sides[:side], *dict.fromkeys([wrong, *reduction(parse(wrong))])]) + "."
    return numbered(lines), str(number + 1), arithmetic.VALUE


def missing_part(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    del lines[generator.randrange(1, len(lines) - 2)]
    return numbered(lines), str(len(lines) - 1), arithmetic.MISSING


def unknown_letter(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    start, equation, rest = equation_of(lines[-2])
    letter = generator.choice(re.findall("[A-Z]", equation))
    lines[-2] = f"{start}{equation.replace(letter, 'Z')} = {rest}"
    return numbered(lines), str(len(lines) - 1), arithmetic.MISSING


def changed_equation(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    start, equation, _ = equation_of(lines[-2])
    match = generator.choice(list(re.finditer(r" [-+*] ", equation)))
    other = generator.choice([f" {operator} " for operator in "+-*" if f" {operator} " != match[0]])
    equation = equation[: match.start()] + other + equation[match.end() :]
    lines[-2] = f"{start}{equation} = {chain(re.sub('[A-Z]', lambda m: results(lines)[m[0]], equation))}."
    return numbered(lines), str(len(lines) - 1), arithmetic.EQUATION


def wrong_result_used(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    start, equation, _ = equation_of(lines[-2])
    values = results(lines)
    letter = generator.choice(list(values))
    values[letter] = str(int(values[letter]) + generator.choice([-10, -1, 1, 7]))
    lines[-2] = f"{start}{equation} = {chain(re.sub('[A-Z]', lambda m: values[m[0]], equation))}."
    return numbered(lines), str(len(lines) - 1), arithmetic.SUBSTITUTION


def repeated_part(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    number = generator.randrange(1, len(lines) - 2)
    again = generator.randrange(number + 1, len(lines) - 1)
    lines.insert(again, lines[number])
    return numbered(lines), str(again + 1), arithmetic.REDUNDANT


def useless_part(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    number = generator.randrange(1, len(lines) - 1)
    lines.insert(number, "Let's calculate Z = (1 + 1) = 2.")
    return numbered(lines), str(number + 1), arithmetic.REDUNDANT


def wrong_answer(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    lines[-1] = f"So the answer is {int(problem.answer) + generator.choice([-100, -1, 1, 10])}."
    return numbered(lines), FINAL, arithmetic.ANSWER


def no_final_equation(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    del lines[-2]
    return numbered(lines), FINAL, arithmetic.ANSWER


MUTATIONS: tuple[Callable[[Problem, random.Random], Wrong | None], ...] = (
    *(changed_part, swapped_operands, changed_first_equation, copied_operand, lost_bracket, unfinished, miscalculated),
    *(missing_part, unknown_letter, changed_equation, wrong_result_used, repeated_part, useless_part, wrong_answer),
    no_final_equation,
)


def changed(text: str, generator: random.Random) -> str:
    """The text with another number in place of one of its numbers, so that its value changes if it is an expression."""
    matches = list(re.finditer(r"(?<![\d-])-?\d+", text))
    while True:
        match = generator.choice(matches)
        wrong = text[: match.start()] + str(int(match[0]) + generator.choice([-2, -1, 1, 2, 3])) + text[match.end() :]
        if "=" in text or evaluate(parse(wrong)) != evaluate(parse(text)):
            return wrong
        if all(evaluate(parse(text[: m.start()] + "77" + text[m.end() :])) == evaluate(parse(text)) for m in matches):
            return wrong.replace(match[0], "1", 1) + " + 1"  # a product with several zeros: no single number matters


def chain(text: str) -> str:
    return " = ".join(dict.fromkeys([text, *reduction(parse(text))]))


def equation_of(line: str) -> tuple[str, str, str]:
    """`Then, the final equation is `, the equation, what follows its equals sign."""
    start = "Then, the final equation is "
    equation, _, rest = line.removeprefix(start).partition(" = ")
    return start, equation, rest


def results(lines: list[str]) -> dict[str, str]:
    matches = (re.fullmatch(r"Let's calculate ([A-Z]) = .* = (-?\d+)\.", line) for line in lines)
    return {match[1]: match[2] for match in matches if match}
