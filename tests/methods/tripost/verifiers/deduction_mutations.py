"""Wrong deductions: gold rationales with a single error whose step and category are known."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from stepwise.methods.tripost.verifiers import deduction as checks
from stepwise.records import Problem, Solution
from stepwise.tasks.generated.puzzles import read_puzzle
from stepwise.tasks.generated.scripted import FINAL
from tests.methods.tripost.verifiers.attempts import numbered, texts

Wrong = tuple[Solution, str, str]
"""The attempt, the id of its erroneous step and the category."""
Edit = Callable[[str, Problem, random.Random], str | None]

ORDERING = re.compile(r'"(\(\w+\)) (.*) (\(\w+\))"')
STATEMENT, TOTAL, COMBINATION, CONCLUSION = r"(?!Combining).*\"", "In total", "Combining", "According"


def places(lines: list[str], beginning: str) -> list[int]:
    return [place for place, text in enumerate(lines[:-1]) if re.match(beginning, text)]


def wrong(lines: list[str], place: int, kind: str) -> Wrong:
    return numbered(lines), FINAL if place == len(lines) - 1 else str(place + 1), kind


def edited(kind: str, beginning: str, edit: Edit) -> Callable:
    """A mutation that edits the text of a random step among those that begin so."""

    def mutate(problem: Problem, generator: random.Random) -> Wrong | None:
        lines = texts(problem.reference)
        place = len(lines) - 1 if beginning == FINAL else generator.choice(places(lines, beginning))
        text = edit(lines[place], problem, generator)
        if text is None or text == lines[place]:
            return None
        lines[place] = text
        return wrong(lines, place, kind)

    mutate.__name__ = edit.__name__
    return mutate


def omitted(kind: str, beginning: str, name: str) -> Callable:
    """A mutation that leaves a random step out, so that the next one is wrong."""

    def mutate(problem: Problem, generator: random.Random) -> Wrong:
        lines = texts(problem.reference)
        place = generator.choice(places(lines, beginning))
        del lines[place]
        return wrong(lines, place, kind)

    mutate.__name__ = name
    return mutate


def repeated(beginning: str, name: str) -> Callable:
    """A mutation that writes a random step again after itself."""

    def mutate(problem: Problem, generator: random.Random) -> Wrong:
        lines = texts(problem.reference)
        place = generator.choice(places(lines, beginning)) + 1
        lines.insert(place, lines[place - 1])
        return wrong(lines, place, checks.REDUNDANT)

    mutate.__name__ = name
    return mutate


def with_items(text: str, edit: Callable[[list[str]], None]) -> str:
    """The step with an edited list of marks and objects in its ordering."""
    match = ORDERING.search(text)
    items = match[2].split()
    edit(items)
    return f'{text[: match.start()]}"{" ".join([match[1], *items, match[3]])}".'


def objects_of(text: str) -> list[str]:
    return [item for item in ORDERING.search(text)[2].split() if "?" not in item]


def foreign_statement(text: str, problem: Problem, generator: random.Random) -> str:
    """It speaks of a place or a pair that the question does not."""
    puzzle = read_puzzle(problem.question)
    size = len(puzzle.names)
    sentences = [puzzle.wording.place(index, place) for index in range(size) for place in range(1, size + 1)]
    unsaid = [sentence for sentence in sentences if sentence not in problem.question]
    return f"{generator.choice(unsaid).removesuffix('.')}: {text.partition(': ')[2]}"


def opposite_statement(text: str, problem: Problem, generator: random.Random) -> str | None:
    sentence, separator, ordering = text.partition(": ")
    axis = read_puzzle(problem.question).wording.axis
    for phrase, other in ((axis.before, axis.after), (axis.after, axis.before)):
        if f" {phrase} " in sentence:
            return sentence.replace(f" {phrase} ", f" {other} ") + separator + ordering
    return None


def exchanged_pair(text: str, problem: Problem, generator: random.Random) -> str | None:
    objects = objects_of(text)
    if len(objects) < 2:
        return None
    first, second = sorted(generator.sample(range(len(objects)), 2))
    exchange = {objects[first]: objects[second], objects[second]: objects[first]}

    def edit(items: list[str]) -> None:
        items[:] = [exchange.get(item, item) for item in items]

    return with_items(text, edit)


def exchanged_in_statement(text: str, problem: Problem, generator: random.Random) -> str | None:
    return exchanged_pair(text, problem, generator)


def shifted_place(text: str, problem: Problem, generator: random.Random) -> str | None:
    """Another `?` beside the object: if it stays possible, it is another place."""
    if len(objects_of(text)) > 1:
        return None
    return with_items(text, lambda items: items.insert(0 if items[0] != "??" else len(items), "?"))


def exchanged_ends(text: str, problem: Problem, generator: random.Random) -> str:
    match = ORDERING.search(text)
    return f'{text[: match.start()]}"{match[3]} {match[2]} {match[1]}".'


def object_twice(text: str, problem: Problem, generator: random.Random) -> str:
    return with_items(text, lambda items: items.insert(generator.randint(0, len(items)), objects_of(text)[0]))


def foreign_object(text: str, problem: Problem, generator: random.Random) -> str:
    item = generator.choice(objects_of(text))
    return with_items(text, lambda items: items.__setitem__(items.index(item), "zebra"))


def foreign_object_in_combination(text: str, problem: Problem, generator: random.Random) -> str:
    return foreign_object(text, problem, generator)


def wrong_number(text: str, problem: Problem, generator: random.Random) -> str:
    size = len(problem.choices)
    return text.replace(f" {size} ", f" {size + generator.choice([-1, 1, 2])} ")


def wrong_noun(text: str, problem: Problem, generator: random.Random) -> str:
    return text.replace(read_puzzle(problem.question).noun, "zebras")


def references(text: str, first: object, second: object) -> str:
    return re.sub(r"\(\d+\) and \(\d+\)", f"({first}) and ({second})", text)


def later_step(text: str, problem: Problem, generator: random.Random) -> str:
    return references(text, re.search(r"\d+", text)[0], generator.choice([20, 99, 0]))


def step_without_ordering(text: str, problem: Problem, generator: random.Random) -> str:
    return references(text, 1, len(read_puzzle(problem.question).statements) + 1)


def same_step_twice(text: str, problem: Problem, generator: random.Random) -> str:
    return references(text, 2, 2)


def gap_too_wide(text: str, problem: Problem, generator: random.Random) -> str:
    """Gaps are as narrow as can be, so another `?` excludes an order."""
    return with_items(text, lambda items: items.insert(generator.randint(0, len(items)), "?"))


def does_not_follow(problem: Problem, generator: random.Random) -> Wrong | None:
    """The whole order, and it is right, already from the first two orderings that are combined."""
    lines = texts(problem.reference)
    first, *others = places(lines, COMBINATION)
    if not others:
        return None
    lines[first] = lines[first].partition(": ")[0] + ": " + lines[others[-1]].partition(": ")[2]
    return wrong(lines, first, checks.COMBINATION)


def early_conclusion(problem: Problem, generator: random.Random) -> Wrong:
    """The right conclusion while more than one order is left."""
    lines = texts(problem.reference)
    combinations = places(lines, COMBINATION)
    place = generator.choice(combinations)
    del lines[place : combinations[-1] + 1]
    return wrong(lines, place, checks.INCOMPLETE)


def early_answer(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    del lines[generator.choice(places(lines, COMBINATION)) : -1]
    return wrong(lines, len(lines) - 1, checks.INCOMPLETE)


def other_option(text: str, problem: Problem, generator: random.Random) -> str:
    puzzle = read_puzzle(problem.question)
    others = [puzzle.inside(choice) for choice in problem.choices if puzzle.inside(choice) not in text]
    return f"According to this ordering, {generator.choice(others)}"


def other_place(text: str, problem: Problem, generator: random.Random) -> str:
    """A sentence that may be true, but is no option."""
    puzzle = read_puzzle(problem.question)
    size = len(puzzle.names)
    sentences = [puzzle.wording.place(index, place) for index in range(size) for place in range(1, size + 1)]
    others = [sentence for sentence in sentences if sentence not in problem.choices]
    return f"According to this ordering, {puzzle.inside(generator.choice(others))}"


def nothing_new(problem: Problem, generator: random.Random) -> Wrong:
    """A combination repeats one of its parts."""
    lines = texts(problem.reference)
    place = places(lines, COMBINATION)[0]
    number = generator.choice(re.findall(r"\((\d+)\)", lines[place])[:2])
    lines[place] = lines[place].partition(": ")[0] + ": " + lines[int(number) - 1].partition(": ")[2]
    return wrong(lines, place, checks.REDUNDANT)


def after_the_order(problem: Problem, generator: random.Random) -> Wrong:
    """Another combination when the order is complete."""
    lines = texts(problem.reference)
    place = places(lines, CONCLUSION)[0]
    lines.insert(place, f"Combining (1) and ({place}): " + lines[0].partition(": ")[2])
    return wrong(lines, place, checks.REDUNDANT)


def other_sentence(text: str, problem: Problem, generator: random.Random) -> str:
    others = [choice for choice in problem.choices if choice not in text]
    return f"{generator.choice(others)} So{text.rpartition('So')[2]}"


def other_letter(text: str, problem: Problem, generator: random.Random) -> str:
    letters = [letter for letter in "ABCDEFG" if letter != problem.answer]
    return text.replace(f"({problem.answer})", f"({generator.choice(letters)})")


MUTATIONS = (
    *(edited(checks.STATEMENT, STATEMENT, edit) for edit in (foreign_statement, opposite_statement)),
    *(
        edited(checks.ORDERING, STATEMENT, edit)
        for edit in (exchanged_in_statement, shifted_place, exchanged_ends, object_twice)
    ),
    edited(checks.OBJECT, STATEMENT, foreign_object),
    edited(checks.OBJECT, COMBINATION, foreign_object_in_combination),
    omitted(checks.SKIPPED, STATEMENT, "omitted_statement"),
    omitted(checks.SKIPPED, TOTAL, "omitted_total"),
    omitted(checks.SKIPPED, CONCLUSION, "omitted_conclusion"),
    *(edited(checks.TOTAL, TOTAL, edit) for edit in (wrong_number, wrong_noun)),
    *(edited(checks.REFERENCE, COMBINATION, edit) for edit in (later_step, step_without_ordering, same_step_twice)),
    *(edited(checks.COMBINATION, COMBINATION, edit) for edit in (exchanged_pair, gap_too_wide)),
    does_not_follow,
    early_conclusion,
    early_answer,
    *(edited(checks.CONCLUSION, CONCLUSION, edit) for edit in (other_option, other_place)),
    repeated(STATEMENT, "repeated_statement"),
    repeated(TOTAL, "repeated_total"),
    repeated(COMBINATION, "repeated_combination"),
    repeated(CONCLUSION, "repeated_conclusion"),
    nothing_new,
    after_the_order,
    *(edited(checks.ANSWER, FINAL, edit) for edit in (other_sentence, other_letter)),
)
