from __future__ import annotations

import subprocess
import sys

import pytest

from stepwise.methods.rationalyst.filtering import (
    FilterError,
    contains_answer,
    gain,
    judge,
    judge_all,
    numbers,
    shares_run,
    summary,
)
from stepwise.params.rationalyst import RationalystFilterParams
from stepwise.records import Document, Rationale, ScoredRationale

TEXT = "Question: Ann has 3 boxes of 12 pens and loses 4. How many are left?\nAnswer: There are 3 * 12 = 36 pens."
START = TEXT.index(" There")
PARAMS = RationalystFilterParams(thresholds={"gsm8k": 1.2}, threshold=0.0, copied_words=4)


def scored(note, source="gsm8k", plain=(-2.0, -2.0), aided=(-1.0, -1.0)):
    document = Document(id="a", source=source, text=TEXT, answer="32", start=START)
    rationale = Rationale(document_id="a", source=source, position=START, end=len(TEXT), text=note)
    return document, ScoredRationale(rationale=rationale, plain=plain, aided=aided)


def test_the_gain_is_the_discounted_sum_of_differences():
    plain, aided = (-1.0, -2.0, -3.0), (-0.5, -2.5, -1.0)
    assert gain(plain, aided, 0.9) == pytest.approx(0.5 - 0.9 * 0.5 + 0.81 * 2.0)  # 1.67
    assert gain(plain, aided, 1.0) == pytest.approx(2.0)
    assert gain(plain, aided, 0.0) == pytest.approx(0.5)
    assert gain(plain, aided, 0.9, normalised=True) == pytest.approx(1.67 / (1 + 0.9 + 0.81))
    assert gain((), (), 0.9, normalised=True) == 0.0


def test_scores_of_different_tokens_are_refused():
    with pytest.raises(FilterError, match="2 scores without the note and 1 with it"):
        gain((-1.0, -1.0), (-1.0,), 0.9)


def test_each_source_has_its_threshold_and_the_border_is_kept():
    """The released code keeps what is not below its threshold, so equality keeps."""
    exactly = {"plain": (-2.0,), "aided": (-0.8,)}
    assert judge(*scored("Count all pens first.", **exactly), PARAMS).gain == pytest.approx(1.2)
    border = RationalystFilterParams(thresholds={"gsm8k": judge(*scored("Count.", **exactly), PARAMS).gain})
    assert judge(*scored("Count all pens first.", **exactly), border).keep
    below = {"plain": (-2.0,), "aided": (-0.9,)}
    assert judge(*scored("Count all pens first.", **below), PARAMS).reasons == ("gain",)
    assert judge(*scored("Count all pens first.", source="web", **below), PARAMS).keep
    worse = {"plain": (-2.0,), "aided": (-2.1,)}
    assert judge(*scored("Count all pens first.", source="web", **worse), PARAMS).reasons == ("gain",)


@pytest.mark.parametrize(
    ("note", "reasons"),
    [
        ("First count the pens in all boxes.", ()),
        ("There are 3 boxes, so multiply by 12.", ()),
        ("The pens are 36 in all.", ("numbers",)),
        ("Thirty-six less four is 32.0, the answer.", ("answer",)),
        ("Three times twelve: there are 3 * 12 of them.", ("copied",)),
        ("There are 3 * 12 = 36, so 32 are left.", ("answer", "numbers", "copied")),
        ("Multiply the boxes: 3 boxes of 12 pens.", ()),
    ],
)
def test_a_note_that_gives_away_what_follows_is_rejected_whatever_its_gain(note, reasons):
    assert judge(*scored(note, aided=(9.0, 9.0)), PARAMS).reasons == reasons


def test_a_run_of_words_may_be_long_enough_or_not_tested_at_all():
    note, following = "So there are three boxes left.", " there are three boxes."
    assert shares_run(note, following, 4)
    assert not shares_run(note, following, 5)
    assert not shares_run(note, following, 0)
    assert not shares_run(note, following, 4, unless="Well, there are three boxes.")
    assert shares_run("THERE are, three -- boxes", following, 4), "case and punctuation do not hide it"


def test_numbers_are_compared_by_value():
    assert numbers("1,200.50 and .5 and 3. and 07") == {1200.5, 0.5, 3.0, 7.0}
    assert numbers("none") == set()


@pytest.mark.parametrize(
    ("note", "answer", "expected"),
    [
        ("It is 1,200 in all.", "1200", True),
        ("It is 12000 in all.", "1200", False),
        ("So B must be right.", "B", False),
        ("So it is (B).", "B", True),
        ("The answer is B.", "B", True),
        ("A bird sings.", "A", False),
        ("Choose A", "A", True),
        ("a cat", "A", False),
        ("The Dining Room, surely.", "dining room", True),
        ("The dining table.", "dining room", False),
        ("Anything", "", False),
    ],
)
def test_an_answer_is_recognised_in_its_forms(note, answer, expected):
    assert contains_answer(note, answer) == expected


def test_metrics_count_every_reason():
    documents, notes = zip(
        scored("First count the pens in all boxes."),
        scored("The pens are 36 in all.", aided=(-3.0, -3.0)),
        scored("It is 32.", aided=(-1.0, -2.0)),
        strict=True,
    )
    judged = judge_all(documents, notes, PARAMS)
    assert [note.keep for note in judged] == [True, False, False]
    assert summary(judged) == pytest.approx(
        {
            "notes": 3, "kept": 1, "kept_share": 1 / 3, "rejected_gain": 2, "rejected_answer": 1,
            "rejected_numbers": 1, "rejected_copied": 0, "gain_mean": (1.9 - 1.9 + 1.0) / 3, "gain_kept_mean": 1.9,
        }
    )  # fmt: skip
    assert summary([])["kept_share"] == 0.0


def test_a_note_of_an_unknown_document_is_named():
    _, note = scored("x")
    with pytest.raises(FilterError, match="a note refers to a, which is not among the documents"):
        judge_all([], [note], PARAMS)


def test_judging_needs_no_model():
    code = "import sys, stepwise.methods.rationalyst.filtering; assert not {'torch', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
