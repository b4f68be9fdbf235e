"""Self-improvement by prompting: one conversation for each way in which it can end, worked out by hand."""

from __future__ import annotations

import pytest

from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.tripost.baselines.prompting import examine, make_prompting, solved_examples
from stepwise.methods.tripost.roles import CORRECT
from stepwise.params import ParamsError
from stepwise.params.tripost import TrainedPrompt, TripostPrompt
from stepwise.records import Feedback, Problem
from tests.methods.tripost.teacher.cases import CONTINUED, ERROR, LINES, MARKER, PROBLEM, RIGHT, TASK, VERDICT, WRONG

GOLD = PROBLEM.model_copy(update={"answer": "14"})
"""((3 + 4) * (9 - 7)) is 14; WRONG says 16, RIGHT says 14."""
ATTEMPT = "\n".join(LINES)
FINE = " None\nError segment: None\nError reason: The final response is correct."
OTHER = VERDICT.replace("(2)", "(3)").replace("(3 + 4) = 8", "(9 - 7) = 2").replace("3 + 4 is 7", "9 - 7 is 3")


class Model(ScriptedBackend):
    """Has texts for attempts, verdicts and updates, each used in order; the last one goes on for ever."""

    def __init__(self, attempts=(ATTEMPT,), verdicts=(VERDICT, FINE), updates=(CONTINUED,)):
        super().__init__(self.reply)
        self.texts = {"attempt": list(attempts), "verdict": list(verdicts), "update": list(updates)}
        self.roles = []
        self.samplings = []

    def reply(self, prompt, sample):
        case = prompt.rpartition("Q:")[2]
        role = "verdict" if case.endswith("step:") else "update" if "Updated Answer:" in case else "attempt"
        self.roles.append(role)
        texts = self.texts[role]
        return texts.pop(0) if len(texts) > 1 else texts[0]

    def generate(self, prompts, sampling, *, journal=None):
        self.samplings.append(sampling)
        return super().generate(prompts, sampling)


def prompting(model, tmp_path, mode="self_improve", **changes):
    name = "any_oracle" if mode.endswith("oracle") else "any"
    prompt = TripostPrompt(name=name, agent="any", mode=mode, **{"shots": 0, "max_updates": 3, **changes})
    return make_prompting(prompt, TASK, model, [GOLD], attempt_tokens=1000, answers=tmp_path / "answers.jsonl")


def talk(model, tmp_path, mode="self_improve", **changes):
    (conversation,) = prompting(model, tmp_path, mode, **changes).converse([GOLD])
    return conversation


def answers(conversation):
    return [turn.solution.answer for turn in conversation.turns]


def feedback(conversation):
    return [turn.feedback for turn in conversation.turns]


def test_few_shot_is_the_first_attempt(tmp_path):
    model = Model()
    conversation = talk(model, tmp_path, "few_shot")
    assert (answers(conversation), feedback(conversation)) == (["16"], [None])
    assert model.roles == ["attempt"]
    assert conversation.answer_text == ATTEMPT


def test_a_criticised_attempt_is_updated_until_nothing_is_wrong(tmp_path):
    model = Model()
    conversation = talk(model, tmp_path)
    assert answers(conversation) == ["16", "14"]
    assert feedback(conversation) == [ERROR, CORRECT]
    assert conversation.turns[1].solution.steps == RIGHT.steps
    assert model.roles == ["attempt", "verdict", "update", "verdict"]
    assert {sampling.temperature for sampling in model.samplings} == {0.0}


def test_the_model_may_spoil_its_answer(tmp_path):
    """The verifier wrongly blames a right attempt, and the update says 16."""
    model = Model(attempts=[RIGHT.text], verdicts=[OTHER, FINE], updates=["\n".join(LINES[2:])])
    assert answers(talk(model, tmp_path)) == ["14", "16"]


def test_the_oracle_stops_at_the_gold_answer_and_asks_for_no_verdict_on_it(tmp_path):
    model = Model(attempts=[RIGHT.text], verdicts=[OTHER, FINE], updates=["\n".join(LINES[2:])])
    assert answers(talk(model, tmp_path, "self_improve_oracle")) == ["14"]
    assert model.roles == ["attempt"]
    model = Model()
    assert answers(talk(model, tmp_path / "other", "self_improve_oracle")) == ["16", "14"]
    assert model.roles == ["attempt", "verdict", "update"], "the right update is not verified"


def test_a_positive_verdict_ends_the_oracles_conversation_too(tmp_path):
    conversation = talk(Model(verdicts=[FINE]), tmp_path, "self_improve_oracle")
    assert (answers(conversation), feedback(conversation)) == (["16"], [CORRECT])


@pytest.mark.parametrize(
    ("model", "fault", "last"),
    [
        (Model(verdicts=[" Hm."]), "no_verdict", None),
        (Model(updates=["I give up."]), "no_update", ERROR),
    ],
)
def test_what_cannot_be_read_ends_the_conversation_with_the_attempt(tmp_path, model, fault, last):
    conversation = talk(model, tmp_path)
    assert (answers(conversation), feedback(conversation), conversation.fault) == (["16"], [last], fault)


def test_there_are_at_most_so_many_updates(tmp_path):
    """Each update blames step 2 again and ends with another number."""
    updates = [ATTEMPT.partition("\n")[2].replace("16.", f"{number}.") for number in (17, 18, 19, 20)]
    model = Model(verdicts=[VERDICT], updates=updates)
    conversation = talk(model, tmp_path, max_updates=3)
    assert answers(conversation) == ["16", "17", "18", "19"]
    assert feedback(conversation) == [ERROR, ERROR, ERROR, None]
    assert not conversation.stalled
    assert answers(talk(Model(), tmp_path / "none", max_updates=0)) == ["16"]


def test_an_update_that_repeats_the_attempt_is_the_last_one(tmp_path):
    conversation = talk(Model(verdicts=[VERDICT], updates=["\n".join(LINES[1:])]), tmp_path)
    assert (answers(conversation), conversation.stalled) == (["16", "16"], True)


def test_an_attempt_that_cannot_be_read_is_the_answer_as_it_stands(tmp_path):
    model = Model(attempts=["Sure! The answer is 14."])
    conversation = talk(model, tmp_path)
    assert (conversation.turns, conversation.answer_text, conversation.fault) == (
        (), "Sure! The answer is 14.", "unknown_line"
    )  # fmt: skip
    assert model.roles == ["attempt"]


def test_what_follows_the_final_response_is_dropped(tmp_path):
    for more in ("\n\nQ: 1 + 1 =\nAnswer: 2", "\nFeedback: fine", "\nI hope this helps!"):
        conversation = talk(Model(attempts=[ATTEMPT + more]), tmp_path / str(len(more)), "few_shot")
        assert [step.text for step in conversation.turns[0].solution.steps] == list(LINES)


def test_solved_problems_stand_before_the_question_and_no_gold_answer_anywhere(tmp_path):
    shown = [
        Problem(id=str(n), task=TASK.name, split="train", question=f"(({n} + 1)) =", answer="0", reference=RIGHT)
        for n in range(3)
    ]
    shown.insert(1, GOLD.model_copy(update={"reference": None}))
    lead = "".join(TASK.prompt(shown[0])).partition("Answer:")[2]
    expected = "".join(f"Q: (({n} + 1)) =\nAnswer:{lead}{RIGHT.text}\n\n" for n in (0, 1))
    assert solved_examples(TASK, shown, 2) == expected
    model = Model()
    prompt = TripostPrompt(name="any", agent="any", mode="self_improve", shots=2)
    ways = make_prompting(prompt, TASK, model, shown, attempt_tokens=1000, answers=tmp_path / "a.jsonl")
    ways.converse([PROBLEM])
    assert model.prompts[0] == f"{expected}{''.join(TASK.prompt(PROBLEM))}"
    assert len(model.prompts) == 4
    assert not any(MARKER in text for text in model.prompts)
    with pytest.raises(ParamsError, match=r"4 solved problems .* and 3 training .*references"):
        solved_examples(TASK, shown, 4)


def test_a_trained_model_reads_its_own_prompt(tmp_path):
    prompt = TrainedPrompt(name="any", mode="self_improve", max_updates=3)
    model = Model()
    make_prompting(prompt, TASK, model, [], attempt_tokens=1000, answers=tmp_path / "a.jsonl").converse([GOLD])
    assert model.prompts[0] == "".join(TASK.prompt(GOLD))


def test_open_conversations_share_their_passes_and_the_metrics_are_those_of_self_correction(tmp_path):
    """Of four problems: right at once; saved; spoiled; wrong throughout. Attempts, verdicts, updates, verdicts."""
    problems = [GOLD.model_copy(update={"id": str(n), "question": f"{'(' * n}(3 + 4) * (9 - 7){')' * n} ="})
                for n in range(1, 5)]  # fmt: skip
    spoiling = "\n".join(LINES[2:])
    model = Model(
        attempts=[RIGHT.text, ATTEMPT, RIGHT.text, ATTEMPT],
        verdicts=[FINE, VERDICT, OTHER, FINE],
        updates=[CONTINUED, spoiling],
    )
    result = examine(prompting(model, tmp_path, max_updates=1), problems)
    assert model.calls == 3
    assert [prediction.verdict.correct for prediction in result.predictions] == [True, True, False, False]
    expected = {
        "accuracy": 0.5, "direct": 0.25, "contribution": 0.25, "harm": 0.25, "frequency": 0.5,
        "right_stays_right": 0.5, "wrong_becomes_right": 0.5, "turns": 1.5, "unreadable": 0.0, "oracle": 0.0,
    }  # fmt: skip
    assert {name: result.numbers[name] for name in expected} == expected
    assert [len(trajectory.turns) for trajectory in result.trajectories] == [1, 2, 2, 1]


def test_the_metrics_say_that_an_oracle_was_used(tmp_path):
    assert examine(prompting(Model(), tmp_path, "self_improve_oracle"), [GOLD]).numbers["oracle"] == 1.0


def test_a_second_pass_repeats_no_verdict_and_no_update(tmp_path):
    first, second = Model(), Model()
    assert talk(first, tmp_path) == talk(second, tmp_path)
    assert second.roles == ["attempt"]


def test_a_verdict_on_the_final_response_keeps_all_steps_before_it(tmp_path):
    verdict = ' (Final response)\nError segment: "16"\nError reason: 8 * 2 is not 16.\n'
    model = Model(verdicts=[verdict, FINE], updates=["(Final response) So the answer is 14."])
    conversation = talk(model, tmp_path)
    assert feedback(conversation)[0] == Feedback(text="8 * 2 is not 16", step="Final response", segment="16")
    assert conversation.turns[1].solution.steps[:4] == WRONG.steps[:4]
    assert answers(conversation) == ["16", "14"]
