"""Wrong sorting attempts: gold rationales with a single error whose step and category are known."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from stepwise.methods.tripost.verifiers import sorting_checks as checks
from stepwise.records import Problem, Solution
from stepwise.tasks.generated.scripted import FINAL
from tests.methods.tripost.verifiers.attempts import attempt, pairs

Wrong = tuple[Solution, str, str]
"""The attempt, the id of its erroneous step and the category."""
Steps = list[tuple[str, str]]

LOOK, SUBPART, ORDER, CONCLUSION = "by looking at|The first", "Now sort this subpart", "We now have", "Hence, we have"
ITEM = re.compile(r'"([^"]*)"="([^"]*)" \(([^()]*)\)')
GROUP = re.compile(r'\([^()]*\) (?:\[[^]]*\]|"[^"]*")')
NAMES = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"]


def places(steps: Steps, pattern: str, needed: str = "") -> list[int]:
    """The places of the steps that match both patterns."""
    return [i for i, (_, text) in enumerate(steps) if re.search(pattern, text) and re.search(needed, text)]


def edited(kind: str, pattern: str, needed: str, edit: Callable[[str, random.Random], str]) -> Callable:
    """A mutation that edits the text of a random step among those that match both patterns."""

    def mutate(problem: Problem, generator: random.Random) -> Wrong | None:
        steps = pairs(problem.reference)
        candidates = places(steps, pattern, needed)
        if not candidates:
            return None
        place = generator.choice(candidates)
        step_id, text = steps[place]
        steps[place] = step_id, edit(text, generator)
        return attempt(steps), step_id, kind

    mutate.__name__ = edit.__name__
    return mutate


def one_of(pattern: str | re.Pattern[str], text: str, generator: random.Random) -> re.Match[str]:
    return generator.choice(list(re.finditer(pattern, text)))


def spliced(text: str, match: re.Match[str], new: str) -> str:
    return text[: match.start()] + new + text[match.end() :]


def later_letters(text: str, generator: random.Random) -> str:
    name = re.search(r"(\w+) letter", text)[1]
    return text.replace(f"{name} letter", f"{NAMES[NAMES.index(name) + generator.randint(1, 3)]} letter")


def earlier_letters(text: str, generator: random.Random) -> str:
    name = re.search(r"(\w+) letters", text)[1]
    return text.replace(f"{name} letters", f"{NAMES[generator.randrange(NAMES.index(name))]} letters")


def omitted_word(text: str, generator: random.Random) -> str:
    head, _, listing = text.partition(": ")
    items = listing.removesuffix(".").split(", ")
    del items[generator.randrange(len(items))]
    return f"{head}: {', '.join(items)}."


def repeated_word(text: str, generator: random.Random) -> str:
    item = one_of(ITEM, text, generator)
    return spliced(text, item, f"{item[0]}, {item[0]}")


def foreign_word(text: str, generator: random.Random) -> str:
    item = one_of(ITEM, text, generator)
    return spliced(text, item, item[0].replace(f'"{item[1]}"', f'"{item[1]}q"', 1))


def wrong_letter(text: str, generator: random.Random) -> str:
    item = one_of(ITEM, text, generator)
    letter = generator.choice([letter for letter in "abcxyz" if letter != item[2]])
    return spliced(text, item, f'"{item[1]}"="{letter}" ({ord(letter) - 96})')


def wrong_number(text: str, generator: random.Random) -> str:
    item = one_of(ITEM, text, generator)
    return spliced(text, item, f'"{item[1]}"="{item[2]}" ({int(item[3]) + generator.choice([-1, 1, 5])})')


def smaller_subpart(text: str, generator: random.Random) -> str:
    """Without one of its words, in the brackets and in the list of letters."""
    word = one_of(r'"([^"]*)" \? ', text, generator)
    text = spliced(text, word, "")
    return re.sub(rf'"{word[1]}"="[^"]*" \([^()]*\)(, )?', "", text).replace(", .", ".")


def other_subpart(text: str, generator: random.Random) -> str:
    word = one_of(r'"([^"]*)" \? ', text, generator)
    return text.replace(f'"{word[1]}"', f'"{word[1]}s"')


def bracketed_word(text: str, generator: random.Random) -> str:
    group = one_of(r'(\([^()]*\)) ("[^"]*")', text, generator)
    return spliced(text, group, f"{group[1]} [{group[2]}]")


def missing_group(text: str, generator: random.Random) -> str:
    groups = GROUP.findall(text)
    del groups[generator.randrange(len(groups))]
    return f"We now have: {' < '.join(groups)}."


def additional_group(text: str, generator: random.Random) -> str:
    groups = GROUP.findall(text)
    groups.insert(generator.randint(0, len(groups)), '(30) "zebra"')
    return f"We now have: {' < '.join(groups)}."


def repeated_group(text: str, generator: random.Random) -> str:
    group = one_of(GROUP, text, generator)
    return spliced(text, group, f"{group[0]} < {group[0]}")


def unknown_word_in_group(text: str, generator: random.Random) -> str:
    word = one_of(r'"([^"]*)"', text, generator)
    return spliced(text, word, f'"{word[1]}q"')


def group_out_of_place(text: str, generator: random.Random) -> str:
    groups = GROUP.findall(text)
    first, second = sorted(generator.sample(range(len(groups)), 2))
    groups[first], groups[second] = groups[second], groups[first]
    return f"We now have: {' < '.join(groups)}."


def words_in_each_others_group(text: str, generator: random.Random) -> str:
    groups = GROUP.findall(text)
    first, second = generator.sample(range(len(groups)), 2)
    lower, upper = (generator.choice(re.findall('"[^"]*"', groups[place])) for place in (first, second))
    groups[first], groups[second] = groups[first].replace(lower, upper), groups[second].replace(upper, lower)
    return f"We now have: {' < '.join(groups)}."


def greater_sign(text: str, generator: random.Random) -> str:
    return spliced(text, one_of(" < ", text, generator), " > ")


def undecided_pair(text: str, generator: random.Random) -> str:
    return spliced(text, one_of(" < ", text, generator), " ? ")


def equal_pair(text: str, generator: random.Random) -> str:
    return spliced(text, one_of(" < ", text, generator), " = ")


def greater_sign_in_conclusion(text: str, generator: random.Random) -> str:
    return greater_sign(text, generator)


def unknown_word(text: str, generator: random.Random) -> str:
    return unknown_word_in_group(text, generator)


def omitted_in_conclusion(text: str, generator: random.Random) -> str:
    return spliced(text, one_of('"[^"]*" < ', text, generator), "")


def repeated_in_conclusion(text: str, generator: random.Random) -> str:
    pair = one_of('("[^"]*") < ', text, generator)
    return spliced(text, pair, f"{pair[0]}{pair[0]}")


def swapped_pair(text: str, generator: random.Random) -> str:
    pair = one_of('("[^"]*") < ("[^"]*")', text, generator)
    return spliced(text, pair, f"{pair[2]} < {pair[1]}")


def distant_word(text: str, generator: random.Random) -> str:
    words = re.findall('"[^"]*"', text)
    words.append(words.pop(generator.randrange(len(words) - 1)))
    return f"Hence, we have {' < '.join(words)}."


def swapped_answer(text: str, generator: random.Random) -> str:
    words = text.removeprefix("So the answer is: ").removesuffix(".").split()
    first, second = generator.sample(range(len(words)), 2)
    words[first], words[second] = words[second], words[first]
    return f"So the answer is: {' '.join(words)}."


def omitted_in_answer(text: str, generator: random.Random) -> str:
    words = text.removeprefix("So the answer is: ").removesuffix(".").split()
    del words[generator.randrange(len(words))]
    return f"So the answer is: {' '.join(words)}."


def subpart_again(problem: Problem, generator: random.Random) -> Wrong | None:
    """After a block of the top level, its group is sorted again."""
    steps = pairs(problem.reference)
    blocks = [i for i in places(steps, SUBPART) if "." not in steps[i][0]]
    if not blocks:
        return None
    again = steps[generator.choice(blocks)]
    after = next(i for i in range(steps.index(again) + 1, len(steps)) if "." not in steps[i][0])
    steps[after] = steps[after][0], again[1]
    return attempt(steps), steps[after][0], checks.SUBPART


def order_without_letters(problem: Problem, generator: random.Random) -> Wrong | None:
    """An order takes the place of a subpart's letters."""
    steps = pairs(problem.reference)
    candidates = places(steps, SUBPART)
    if not candidates:
        return None
    place = generator.choice(candidates)
    steps[place] = steps[place][0], steps[place + 1][1]
    return attempt(steps), steps[place][0], checks.SORT


def early_conclusion(problem: Problem, generator: random.Random) -> Wrong | None:
    """The whole order, and it is right, is claimed while some groups are unsorted."""
    steps = pairs(problem.reference)
    candidates = [i for i in places(steps, SUBPART) if "." not in steps[i][0]]
    if not candidates:
        return None
    place = generator.choice(candidates)
    step_id = steps[place][0]
    return attempt([*steps[:place], (step_id, steps[-2][1]), steps[-1]]), step_id, checks.COMBINE


def no_conclusion(problem: Problem, generator: random.Random) -> Wrong:
    steps = pairs(problem.reference)
    return attempt([*steps[:-2], steps[-1]]), FINAL, checks.ANSWER


_DIVIDED = r" < .*"
MUTATIONS = (
    edited(checks.LETTER, LOOK, "", later_letters),
    edited(checks.LETTER, SUBPART, "", earlier_letters),
    *(edited(checks.CONSISTENT, LOOK, "", edit) for edit in (omitted_word, repeated_word, foreign_word)),
    *(edited(checks.NUMBER, LOOK, "", edit) for edit in (wrong_letter, wrong_number)),
    *(edited(checks.SUBPART, SUBPART, r"\? .* \?", edit) for edit in (smaller_subpart, other_subpart)),
    subpart_again,
    edited(checks.SORT, ORDER, r'\) "', bracketed_word),
    *(
        edited(checks.SORT, ORDER, _DIVIDED, edit)
        for edit in (missing_group, repeated_group, group_out_of_place, words_in_each_others_group, greater_sign)
    ),
    *(edited(checks.SORT, ORDER, "", edit) for edit in (additional_group, unknown_word_in_group)),
    order_without_letters,
    *(
        edited(checks.COMBINE, CONCLUSION, "", edit)
        for edit in (undecided_pair, equal_pair, unknown_word, omitted_in_conclusion, repeated_in_conclusion)
    ),
    *(edited(checks.COMBINE, CONCLUSION, "", edit) for edit in (swapped_pair, distant_word)),
    edited(checks.COMBINE, CONCLUSION, "", greater_sign_in_conclusion),
    early_conclusion,
    *(edited(checks.ANSWER, "So the answer", "", edit) for edit in (swapped_answer, omitted_in_answer)),
    no_conclusion,
)
