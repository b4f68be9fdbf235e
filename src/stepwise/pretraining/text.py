"""Generated text that base models are trained on: the general skills of all tasks, but no question of any of them.

A base model should copy numbers, write programs and do small sums, but still have the tasks to learn.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from stepwise.pretraining import drills
from stepwise.pretraining.drills import Spans
from stepwise.pretraining.stories import BASE
from stepwise.records import Example, Form, Span
from stepwise.tasks import multistep_arithmetic, word_sorting
from stepwise.tasks.formats.formulas import SIGNS
from stepwise.tasks.generated.scripted import LEAD_IN
from stepwise.tasks.generated.stories import tell
from stepwise.tasks.generated.story_grammar import Grammar, Story
from stepwise.tasks.generated.story_templates import MIXED
from stepwise.tasks.word_problems import story_prompt, story_reference

_FORMS: dict[Form, float] = {"p_cot": 0.6, "n_cot": 0.25, "formula": 0.15}
_STEPS = {1: 0.4, 2: 0.4, 3: 0.2}
_DISTRACTED = 0.1
"""Share of stories with an irrelevant number."""


def _story(rng: random.Random) -> Spans:
    form = rng.choices(list(_FORMS), list(_FORMS.values()))[0]
    steps = rng.choices(list(_STEPS), list(_STEPS.values()))[0]
    return _spans(tell(rng, BASE, steps, int(rng.random() < _DISTRACTED)), form)


def _spans(story: Story, form: Form) -> Spans:
    question, *header = story_prompt(story.question, form)
    prompt = (Span(text=question, weight=0.0), *(Span(text=piece) for piece in header))
    return (*prompt, Span(text=story_reference(story, form).text))


KINDS: dict[str, tuple[float, Callable[[random.Random], Spans]]] = {
    "story": (0.40, _story),
    "copies": (0.10, drills.copies),
    "sums": (0.14, drills.sums),
    "reductions": (0.08, drills.reductions),
    "brackets": (0.08, drills.brackets),
    "letters": (0.06, drills.letters),
    "groups": (0.04, drills.groups),
    "short_lists": (0.10, drills.short_lists),
}
"""The kinds of base text, with their shares."""


def base_examples(count: int, seed: int, *, seq2seq: bool = False) -> Iterator[Example]:
    """`count` examples with ids `base-KIND-NUMBER`; questions are only read, solutions are learned.

    Prompts are split into pieces as in the tasks. The same seed gives the same examples, and a longer run begins with
    those of a shorter one. A program's header repeats the question; it is learned, too, as an exercise in copying. A
    seq2seq model learns it in every other example; in the rest its encoder reads it, as in the task.
    """
    rng = random.Random(f"{seed}/base_text")
    names, shares = list(KINDS), [share for share, _ in KINDS.values()]
    for number in range(count):
        name = rng.choices(names, shares)[0]
        spans = KINDS[name][1](rng)
        if name == "story" and seq2seq and number % 2:
            spans = (*(Span(text=span.text, weight=0.0) for span in spans[:-1]), spans[-1])
        yield Example(id=f"base-{name}-{number:06d}", spans=spans)


def tokenizer_texts(count: int, seed: int) -> Iterator[str]:
    """Texts whose words the tokenizer counts: base examples, and after every tenth a story from the task's templates.

    The task's stories only contribute their words; no model is trained on them.
    """
    rng = random.Random(f"{seed}/tokenizer_texts")
    for number, example in enumerate(base_examples(count, seed)):
        yield "".join(span.text for span in example.spans)
        if number % 10 == 0:
            form = rng.choice(list(_FORMS))
            spans = _spans(tell(rng, MIXED, rng.randint(1, 4), rng.randint(0, 1)), form)
            yield "".join(span.text for span in spans)


def common_words() -> frozenset[str]:
    """Words of stories, programs, prompts and rationales in lower case, which may become single tokens."""
    stories = [text for grammar in (BASE, MIXED) for text in _texts(grammar)]
    scripted = [
        multistep_arithmetic.solve("((1 + 2) - (3 * 4)) =").text,
        multistep_arithmetic.MultistepArithmetic.hint,
        re.sub('"[^"]*"', "", word_sorting.solve([12 * "a" + "b", 13 * "a"]).text.rpartition("\n")[0]),
        word_sorting.QUESTION,
        LEAD_IN,
    ]
    fixed = ["Question Answer reasoning Therefore the answer is Numbers Formula def return", *SIGNS]
    return frozenset(word.lower() for text in (*stories, *scripted, *fixed) for word in re.findall("[A-Za-z]+", text))


def _texts(grammar: Grammar) -> Iterator[str]:
    world = grammar.world
    for rows in (world.people, world.things, world.packs, world.efforts):
        yield from (" ".join(row) for row in rows)
    yield from (*world.places, *world.days, "dollars", "result", "solution")
    for template in (*grammar.openings, *grammar.steps, *grammar.distractors):
        text = " ".join((template.text, template.given, template.result, template.because, template.ask))
        yield re.sub(r"\{\w+\}", " ", text).replace("_", " ")
    yield from (re.sub(r"\{\w+\}", " ", ask) for asks in grammar.asks.values() for ask in asks)
