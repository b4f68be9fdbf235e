"""The domain of norms: kinds by hand, wrong norms of a kind, and the published class counts."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from stepwise.methods.refiner.domains.base import Domain, DomainError
from stepwise.methods.refiner.domains.moral_stories import MoralStoriesDomain, worded_kind
from stepwise.methods.refiner.domains.registry import domain_of
from stepwise.methods.refiner.domains.released_norms import released_class, released_rows
from stepwise.methods.refiner.feedback import NO_FAULT, RIGHT, Fault, feedback_class
from stepwise.params import TaskParams
from stepwise.records import Problem
from stepwise.tasks.formats import norm_format
from stepwise.tasks.moral_stories import MoralStories, story_of
from stepwise.tasks.published.story_rows import StoryRow, read_story_rows

DATA = os.environ.get("STEPWISE_DATA")
STORY = StoryRow(
    id="fight",
    situation="Ann is teased at school.",
    intention="Ann wants it to stop.",
    immoral_action="Ann hits Ben.",
    moral_action="Ann talks to a teacher.",
    norm="You shouldn't get into fights.",
    norm_sentiment=-1,
    norm_action="getting into fights.",
    anti_norm="It's good to get into fights.",
    other_norms=["It's wrong to get into fights."],
    other_anti_norms=["It's good to get into fights.", "You should get into fights."],
    fake_norms=["It's good to talk to a teacher.", "It's rude to be no friend."],
    fake_norm_sentiments=[1, -1],
)
MISSED = Fault("misalignment", hint="getting into fights")
NEGATED = Fault("misalignment", hint="not getting into fights")
CONTRADICTION = Fault("contradiction")


def problem_of(story: StoryRow) -> Problem:
    return Problem(
        id=story.id,
        task="moral_stories",
        split="dev",
        question=norm_format.question(story.situation, story.intention, story.immoral_action),
        answer=story.moral_action,
        reference=norm_format.solution(norm_format.line(story.norm, story.moral_action)),
        meta=story.model_dump(),
    )


FIGHT = problem_of(STORY)
DOMAIN: Domain = MoralStoriesDomain()


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("You shouldn't get into fights. | Ann talks to a teacher.", ()),
        ("you must not get into fights", ()),
        ("It is wrong to get into fights. | x", ()),
        ("It's good to get into fights. | x", (CONTRADICTION,)),
        ("It's good to talk to a teacher. | x", (NEGATED,)),
        ("It's rude to be no friend.", (MISSED,)),
        # none of the published norms, so by their words
        ("Getting into a fight is never right. | x", ()),
        ("It's good to avoid getting into fights.", ()),
        ("You should always get into a fight.", (CONTRADICTION,)),
        ("It's not wrong to get into fights.", (CONTRADICTION,)),
        ("You should respect your teachers. | x", (NEGATED,)),
        ("It's bad to steal. | You shouldn't get into fights.", (MISSED,)),
        ("It's good.", (NEGATED,)),
        ("", (Fault("unreadable"),)),
        (" | Ann talks to a teacher.", (Fault("unreadable"),)),
        ("?!\nIt's wrong to get into fights.", (Fault("unreadable"),)),
    ],
)
def test_the_fault_of_a_norm(text, faults):
    assert DOMAIN.oracle(FIGHT, text) == faults
    assert DOMAIN.equivalent(FIGHT, text) == (faults == ())
    assert DOMAIN.templates.parse(DOMAIN.templates.render(faults)) == frozenset(faults)


def test_the_feedback_reads_as_sentences():
    assert DOMAIN.templates.render(()) == NO_FAULT
    assert DOMAIN.templates.render((MISSED,)) == "The norm should be about getting into fights."
    assert DOMAIN.templates.render((CONTRADICTION,)) == "The norm says the opposite of what is right here."


def test_the_stance_of_the_gold_norm_comes_from_its_sentiment():
    """`seedy` is not among the known words of blame, and `not helping` is judged, not `helping`."""
    club = STORY.model_copy(update={"norm": "Going to a club is seedy.", "norm_action": "Going to a club"})
    assert DOMAIN.oracle(problem_of(club), "It is good to go to a club.") == (CONTRADICTION,)
    assert DOMAIN.oracle(problem_of(club), "You should not go to a club.") == ()
    helping = {"norm": "Not helping the old could look uncaring.", "norm_action": "Not helping the old."}
    old = problem_of(STORY.model_copy(update=helping))
    assert DOMAIN.oracle(old, "You should help the old and look caring.") == ()
    assert DOMAIN.oracle(old, "You should not help the old, it could look uncaring.") == (CONTRADICTION,)
    assert DOMAIN.oracle(old, "It's good to run.") == (Fault("misalignment", hint="helping the old"),)


def test_a_hint_can_always_be_read_back():
    action = "Meeting at 10 p.m. with Mr. Lee! (or not?)."
    story = problem_of(STORY.model_copy(update={"norm_action": action, "fake_norm_sentiments": [-1, -1]}))
    faults = DOMAIN.oracle(story, STORY.fake_norms[0])
    assert faults == (Fault("misalignment", hint="meeting at 10 pm with Mr Lee (or not)"),)
    assert DOMAIN.templates.parse(DOMAIN.templates.render(faults)) == frozenset(faults)


def test_exact_is_the_gold_norm_in_any_spelling():
    assert DOMAIN.exact(FIGHT, "You should not get into fights! | Ann runs.")
    assert not DOMAIN.exact(FIGHT, "It's wrong to get into fights. | Ann talks to a teacher.")


@pytest.mark.parametrize("kind", ["contradiction", "misalignment"])
def test_a_perturbed_norm_has_exactly_the_fault_asked_for(kind):
    texts = {DOMAIN.perturb(FIGHT, kind, random.Random(seed)) for seed in range(20)}
    assert len(texts) == 2
    for text in texts:
        assert [fault.kind for fault in DOMAIN.oracle(FIGHT, str(text))] == [kind]
        assert norm_format.action_of(str(text)) == STORY.immoral_action
        assert "Ann" not in DOMAIN.judged(str(text))
    assert DOMAIN.perturb(FIGHT, kind, random.Random(3)) == DOMAIN.perturb(FIGHT, kind, random.Random(3))


def test_a_story_without_norms_of_a_kind_has_no_perturbation():
    bare = problem_of(STORY.model_copy(update={"fake_norms": [], "fake_norm_sentiments": []}))
    assert DOMAIN.perturb(bare, "misalignment", random.Random(0)) is None
    assert DOMAIN.perturb(FIGHT, "unreadable", random.Random(0)) is None


def test_every_published_norm_has_its_kind():
    listed = MoralStoriesDomain().listed(FIGHT)
    assert Counter(kind for _, kind in listed) == {RIGHT: 2, "contradiction": 2, "misalignment": 2}
    for norm, kind in listed:
        assert feedback_class(DOMAIN.oracle(FIGHT, norm)) == kind


def test_a_problem_of_another_task_is_refused():
    with pytest.raises(DomainError, match="moral_stories"):
        DOMAIN.oracle(FIGHT.model_copy(update={"meta": {}}), "It's good.")


def test_the_released_rows_of_a_story():
    story = STORY.model_copy(
        update={"fake_norms": [*STORY.fake_norms, "It's good to rest."], "fake_norm_sentiments": [1, -1, 1]}
    )
    rows = released_rows(story)
    assert [hint for _, hint in rows] == [
        *("no hint", "no hint", "contradiction", "contradiction", "contradiction"),
        *("not getting into fights.", "getting into fights."),
    ]
    assert rows[5][0] == (
        "<|SIT|> Ann is teased at school. <|INT|> Ann wants it to stop. <|I_ACT|> Ann hits Ben. "
        "<|NRM|> It's good to talk to a teacher. <|M_ACT|> Ann talks to a teacher."
    )


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="STEPWISE_DATA is not set")
class TestRealData:
    @pytest.mark.parametrize(
        ("part", "counts"), [("dev", (5594, 4913, 2496, 2441)), ("test", (5124, 4702, 2497, 2464))]
    )
    def test_the_class_counts_of_the_released_rows(self, part, counts):
        stories = read_story_rows(Path(str(DATA)) / f"refiner/moral_stories_critic_{part}_prep.jsonl.gz")
        classes = Counter(released_class(hint) for story in stories for _, hint in released_rows(story))
        assert tuple(classes[name] for name in ("no hint", "contradiction", "plain hint", "negated hint")) == counts

    def test_the_oracle_knows_every_published_norm_and_words_agree_with_it(self):
        task = MoralStories(TaskParams(form="n_cot", dev=200), seed=1, data=Path(str(DATA)))
        domain = MoralStoriesDomain()
        for splits, sizes in (
            (("train", "dev"), (4169, 4219, 5933)),
            (("test",), (3870, 4038, 5957)),
        ):
            kinds: Counter[str] = Counter()
            same = 0
            for problem in (problem for split in splits for problem in task.load(split).problems):
                for norm, kind in domain.listed(problem):
                    faults = domain.oracle(problem, norm)
                    assert feedback_class(faults) == kind
                    assert domain.templates.parse(domain.templates.render(faults)) == frozenset(faults)
                    kinds[kind] += 1
                    same += worded_kind(story_of(problem), norm) == kind
            assert tuple(kinds[kind] for kind in (RIGHT, "contradiction", "misalignment")) == sizes
            assert same / kinds.total() > 0.97

    def test_perturbations_of_real_stories(self):
        task = MoralStories(TaskParams(form="n_cot", dev=200), seed=1, data=Path(str(DATA)))
        domain = domain_of("moral_stories")
        rng = random.Random(0)
        for problem in task.load("train").problems:
            assert problem.reference is not None
            assert domain.oracle(problem, problem.reference.text) == ()
            assert domain.exact(problem, problem.reference.text)
            for kind in ("contradiction", "misalignment"):
                text = domain.perturb(problem, kind, rng)
                assert text is None or [fault.kind for fault in domain.oracle(problem, text)] == [kind]
