from __future__ import annotations

import math
import random

import pytest

from stepwise.methods.tripost.replay import Kind, Row, Weighting, cut_rows, distinct, gold_row, mix
from stepwise.methods.tripost.roles import CORRECT
from stepwise.methods.tripost.transcript import parse, read_lead_in
from stepwise.records import Example, Span, Trajectory
from stepwise.tasks.generated.scripted import LEAD_IN
from stepwise.training.encoding import encode_examples
from tests.methods.tripost.sums import PROMPT, attempt, negative, problem, read, solve, trajectory

FIRST = attempt("1 + 2 = 4.", "4 + 3 = 7.", "So the answer is 7.")
SECOND = attempt("1 + 2 = 3.", "3 + 3 = 7.", "So the answer is 7.")
RIGHT = solve([1, 2, 3])
EDITED = trajectory(FIRST, negative("1", "4", "it is 3"), SECOND, negative("2", "7", "it is 6"), RIGHT, CORRECT)
WEIGHTING = Weighting(feedback=1.5)

HEADER = f"\nUpdated Answer: {LEAD_IN}\n"
FEEDBACK = "\nFeedback:"
FIRST_FEEDBACK = ' In step (1) the part "4" is incorrect. This is because it is 3.'
SECOND_FEEDBACK = ' Step (1) is correct. In step (2) the part "7" is incorrect. This is because it is 6.'
POSITIVE = " Step (1) to step (2) are correct. The final response is also correct."


def spans(*pairs: tuple[str, float]) -> tuple[Span, ...]:
    return tuple(Span(text=text, weight=weight) for text, weight in pairs)


def row(kind: Kind, number: int) -> Row:
    return Row(kind, Example(id=f"p-{kind}", spans=(Span(text=f"{kind} {number}"),)))


def numbered(improvement: int, other: int) -> list[Row]:
    return [row("improvement", n) for n in range(improvement)] + [row("other", n) for n in range(other)]


def gold(count: int) -> list[Row]:
    return [row("gold", n) for n in range(count)]


def test_a_trajectory_becomes_a_row_for_each_update_and_one_for_its_end() -> None:
    first, second, end = cut_rows(EDITED, PROMPT, WEIGHTING)
    question = (PROMPT[0], 1.0)
    assert [first.kind, second.kind, end.kind] == ["improvement", "improvement", "other"]
    assert first.example.spans == spans(
        question, (FIRST.text, 1.0), (FEEDBACK, 1.5), (FIRST_FEEDBACK, 1.5), (HEADER, 1.5), (SECOND.text, 1.5)
    )
    assert second.example.spans == spans(
        question, (SECOND.text, 1.0), (FEEDBACK, 1.5), (SECOND_FEEDBACK, 1.5), (HEADER, 1.5), (RIGHT.text, 1.5)
    )
    assert end.example.spans == spans(question, (RIGHT.text, 1.0), (FEEDBACK, 1.5), (POSITIVE, 1.5))
    assert end.example.id == "sum-other"


def test_a_first_try_and_gold_solutions_are_not_weighted() -> None:
    expected = spans((PROMPT[0], 1.0), (RIGHT.text, 1.0), (FEEDBACK, 1.0), (POSITIVE, 1.0))
    (only,) = cut_rows(trajectory(RIGHT, CORRECT), PROMPT, WEIGHTING)
    assert (only.kind, only.example.spans) == ("other", expected)
    reference = gold_row(problem(1, 2, 3), PROMPT, WEIGHTING)
    assert (reference.kind, reference.example.spans) == ("gold", expected)


def test_a_trajectory_that_got_stuck_teaches_its_feedback() -> None:
    (only,) = cut_rows(trajectory(FIRST, negative("1", "4", "it is 3")), PROMPT, WEIGHTING)
    assert only.kind == "other"
    assert only.example.spans == spans((PROMPT[0], 1.0), (FIRST.text, 1.0), (FEEDBACK, 1.5), (FIRST_FEEDBACK, 1.5))


def test_the_question_can_be_masked() -> None:
    weighting = Weighting(feedback=1.5, answer_only=True)
    for cut in [*cut_rows(EDITED, PROMPT, weighting), gold_row(problem(1, 2, 3), PROMPT, weighting)]:
        assert [span.weight > 0 for span in cut.example.spans] == [False] + [True] * (len(cut.example.spans) - 1)


def test_rows_read_back_as_parts_of_the_trajectory() -> None:
    for index, cut in enumerate(cut_rows(EDITED, PROMPT, WEIGHTING)):
        back = parse(cut.text.removeprefix(PROMPT[0]), "sum", read_lead_in(PROMPT), read)
        assert isinstance(back, Trajectory)
        assert back.turns[0] == EDITED.turns[index]
        assert [turn.solution for turn in back.turns] == [turn.solution for turn in EDITED.turns[index : index + 2]]


def test_gold_rows_need_a_reference() -> None:
    without = problem(1, 2, 3).model_copy(update={"reference": None})
    with pytest.raises(ValueError, match="sum has no reference"):
        gold_row(without, PROMPT, WEIGHTING)


def test_the_papers_ratio_makes_three_rows_in_seven_improvements() -> None:
    mixed = mix(numbered(60, 100), gold(100), ratio=1.5, seed=0)
    assert mixed.metrics == {
        "rows_improvement": 60.0,
        "rows_other": 40.0,
        "rows_gold": 40.0,
        "rows": 140.0,
        "improvement_share": pytest.approx(3 / 7),
        "rows_replayed": 0.0,
        "duplicates": 0.0,
        "others_left_out": 60.0,
    }


def test_balance_for_many_sizes() -> None:
    generator = random.Random(0)
    for seed in range(200):
        improvement, other, references = (generator.randrange(30) for _ in range(3))
        ratio = generator.choice([0.5, 1.0, 1.5, 3.0, 0.0, -1.0])
        mixed = mix(numbered(improvement, other), gold(references), ratio=ratio, seed=seed)
        others = min(other, math.ceil(improvement / ratio)) if ratio > 0 else other
        expected = [improvement, others, min(others, references)]
        kinds = [cut.kind for cut in mixed.rows]
        assert [kinds.count(kind) for kind in ("improvement", "other", "gold")] == expected
        assert len({cut.text for cut in mixed.rows}) == len(kinds)
        assert mixed.metrics["rows"] == len(kinds)


def test_the_seed_decides() -> None:
    again = [mix(numbered(6, 50), gold(50), ratio=1.5, seed=seed).rows for seed in (1, 1, 2)]
    assert again[0] == again[1] != again[2]


def test_duplicates_count_once() -> None:
    current = [row("improvement", 0), row("improvement", 0), row("improvement", 1), row("other", 0), row("other", 0)]
    mixed = mix(current, gold(1) * 3, ratio=1.0, seed=0)
    assert sorted(cut.text for cut in mixed.rows) == ["gold 0", "improvement 0", "improvement 1", "other 0"]
    assert mixed.metrics["duplicates"] == 2.0
    assert distinct([*current, row("other", 1)]) == [current[0], current[2], current[3], row("other", 1)]


def test_a_gold_row_that_the_model_wrote_itself_is_not_repeated() -> None:
    (own,) = cut_rows(trajectory(RIGHT, CORRECT), PROMPT, WEIGHTING)
    reference = gold_row(problem(1, 2, 3), PROMPT, WEIGHTING)
    assert own.text == reference.text
    assert mix([own], [reference], ratio=0.0, seed=0).rows == (own,)


def test_rows_of_earlier_rounds_are_balanced_with_the_current_ones() -> None:
    earlier = [row("improvement", n) for n in (1, 2, 3)] + [row("other", 9)]
    mixed = mix(numbered(2, 1), gold(9), ratio=2.0, seed=0, earlier=earlier)
    assert {cut.text for cut in mixed.rows if cut.kind != "gold"} == {
        *(f"improvement {n}" for n in range(4)),
        "other 0",
        "other 9",
    }
    assert mixed.metrics["rows_replayed"] == 3.0  # improvement 1 is a current row
    assert mixed.metrics["duplicates"] == 1.0


def test_nothing_to_improve_leaves_nothing_to_learn() -> None:
    assert mix(numbered(0, 5), gold(5), ratio=1.5, seed=0).rows == ()
    assert mix([], [], ratio=1.5, seed=0).metrics["improvement_share"] == 0.0


class Characters:
    """A tokenizer of one token a character."""

    eos_token_id = 0
    add_bos_token = False

    def __call__(self, texts: list[str], add_special_tokens: bool) -> dict[str, list[list[int]]]:
        return {"input_ids": [[ord(character) for character in text] for text in texts]}


def test_weights_reach_the_tokens_and_the_end() -> None:
    first = cut_rows(EDITED, PROMPT, WEIGHTING)[0]
    (encoded,), left_out = encode_examples(Characters(), [first.example], max_length=1000)  # type: ignore[arg-type]
    start = len(PROMPT[0]) + len(FIRST.text)
    assert encoded.weights == (0.0, *[1.0] * (start - 1), *[1.5] * (len(first.text) - start), 1.5)
    assert encoded.tokens[-1] == Characters.eos_token_id
    assert not left_out
