"""What TriPosT is compared with: the rows of each baseline, and runs of them on a random model."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwise.methods.tripost.baselines.answer_only import ANSWER_ONLY, AnswerOnly, answer_example
from stepwise.methods.tripost.baselines.fine_tuned import VARIANTS, Baselines, lmsi_examples, train_baseline
from stepwise.methods.tripost.examining import examine
from stepwise.methods.tripost.rounds.training import RoundError
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.params import SftParams, TaskParams
from stepwise.params.tripost import DemonstrationParams, EditParams, LmsiParams, TripostTraining
from stepwise.records import Prediction, Verdict, write_json
from stepwise.tasks.base import Task, example
from stepwise.tasks.registry import get_task
from tests.methods.tripost.sums import RecordingBackend, ScriptedImprover, SumTask, SumVerifier, sum_setup

TRAIN, DEV = SumTask().load("train").problems, SumTask().load("dev").problems
TUNING = SftParams(batch_examples=4, batch_tokens=1024, evaluations=1, dev_examples=2, saves=2, learning_rate=0.01)


def baselines(work: Path, **changes: object) -> Baselines:
    fields = {
        "setup": sum_setup(max_updates=0, task_params=TaskParams(form="scripted", max_new_tokens=3, warm_up_epochs=2)),
        "train": TRAIN,
        "dev": DEV,
        "warm_up": TUNING,
        "lmsi": LmsiParams(passes=2),
        "demonstrations": DemonstrationParams(passes=2),
        "edit": EditParams(),
        "training": TripostTraining(ratio=0, fine_tuning=TUNING),
        "teacher": (SumVerifier(), ScriptedImprover()),
        "work": work,
    }
    return Baselines(**{**fields, **changes})  # type: ignore[arg-type]


def sample(name: str, text: str, right: bool = True, reason: str = "eos") -> Prediction:
    verdict = Verdict(answer="1", correct=right)
    return Prediction(problem_id=name, text=text, verdict=verdict, finish_reason=reason)  # type: ignore[arg-type]


# --- rows ---


def test_lmsi_learns_different_right_samples_and_an_answer_alone() -> None:
    samples = [
        sample("train-0", "a"),
        sample("train-0", "b", right=False),
        sample("train-0", "a \n"),
        sample("train-0", "c"),
        sample("train-1", "d", right=False),
        sample("train-2", "e", reason="length"),
        sample("train-3", "f", reason="stop"),
    ]
    examples = lmsi_examples(SumTask(), TRAIN, samples, LmsiParams())
    prompt = "Q: 1 + 2 + 3 =\nAnswer: Let's think step by step.\n"
    texts = [[(span.text, span.weight) for span in row.spans] for row in examples]
    assert texts[:3] == [
        [(prompt, 0.0), ("a", 1.0)],
        [(prompt, 0.0), ("c", 1.0)],
        [("Q: 1 + 2 + 3 =\nAnswer:", 0.0), (" 6", 1.0)],
    ]
    assert [row.id for row in examples] == ["train-0", "train-0", "train-0-answer", "train-3", "train-3-answer"]
    with_reasoning = lmsi_examples(SumTask(), TRAIN, samples, LmsiParams(answer_only=False))
    assert [row.id for row in with_reasoning] == ["train-0", "train-0", "train-3"]


@pytest.mark.parametrize("name", ["multistep_arithmetic", "word_sorting", "date_understanding"])
def test_answers_alone_are_asked_for_learned_and_read(name: str) -> None:
    task = get_task(name, TaskParams(form="scripted", train=20, dev=1, test=1), seed=0)
    asking = AnswerOnly(task)
    for problem in task.load("train").problems:
        (prompt,) = asking.prompt(problem)
        assert prompt.endswith("\nAnswer:")
        assert problem.question in prompt
        assert all(choice in prompt for choice in problem.choices)
        row = answer_example(task, problem)
        assert row.spans[0].text == prompt
        assert [span.weight for span in row.spans] == [0.0, 1.0]
        (verdict,) = asking.check(problem, [row.spans[1].text])
        assert verdict.correct
        assert verdict.strict_correct


def test_the_other_rows(tmp_path: Path) -> None:
    subject = baselines(tmp_path)
    without = TRAIN[0].model_copy(update={"reference": None})
    task = SumTask()
    continued = baselines(tmp_path, train=[without, *TRAIN[1:]]).examples("continued", tmp_path, tmp_path)
    assert continued == [example(task, problem) for problem in TRAIN[1:]]
    assert subject.examples(ANSWER_ONLY, tmp_path, tmp_path) == [answer_example(task, problem) for problem in TRAIN]
    with pytest.raises(RoundError, match="no baseline 'rft'; the baselines are continued, lmsi, demonstrations"):
        subject.examples("rft", tmp_path, tmp_path)


def test_demonstrations_are_corrected_wherever_their_error_is(tmp_path: Path) -> None:
    """An error that leaves the answer right is criticised all the same, and no wrong step is called correct."""
    rows = ["".join(span.text for span in row.spans) for row in baselines(tmp_path).examples(
        "demonstrations", tmp_path, tmp_path
    )]  # fmt: skip
    criticised = [text for text in rows if "is incorrect" in text]
    assert len(criticised) >= 8
    gold = {problem.question: problem.reference.text for problem in TRAIN if problem.reference}
    for text in rows:
        question = text.removeprefix("Q: ").partition("\n")[0]
        if "final response is also correct" in text:
            assert f"\n{gold[question]}\nFeedback: " in text
        else:
            assert text.endswith(f"\n{gold[question]}")


def test_lmsi_samples_every_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = RecordingBackend(lambda prompt, number: "So the answer is 6." if number else "well")
    monkeypatch.setattr(TripostSetup, "make_backend", lambda self, model: backend)
    subject = baselines(tmp_path, setup=sum_setup(), lmsi=LmsiParams(passes=2, temperature=1.2))
    examples = subject.examples("lmsi", tmp_path, tmp_path / "samples.jsonl")
    assert [row.id for row in examples] == ["train-0", "train-0-answer"]  # 1 + 2 + 3
    (sampling,) = backend.samplings
    assert (sampling.n, sampling.temperature, len(backend.prompts)) == (2, 1.2, 10)


# --- runs ---


@pytest.fixture
def rounds(tmp_path: Path) -> Path:
    """Metrics of two rounds: 2 steps of 900 tokens, and 3 of 600."""
    for number, steps, tokens in ((1, 2, 1800), (2, 3, 1800)):
        write_json(tmp_path / "rounds" / f"{number}.json", {"number": number, "steps": steps, "tokens": tokens})
    return tmp_path / "rounds"


@pytest.mark.parametrize("variant", ["continued", "demonstrations"])
def test_a_baseline_trains_a_leg_for_every_round(small_model: Path, tmp_path: Path, rounds: Path, variant: str) -> None:
    subject = baselines(tmp_path / "work")
    trained = train_baseline(subject, variant, base=tmp_path / "none", start=small_model, rounds=rounds)
    assert trained.numbers["steps"] == 5
    assert trained.numbers["tokens"] == pytest.approx(3600, rel=0.1)
    assert [row["step"] for row in trained.curve] == [1, 2, 3, 4, 5]
    assert trained.model == tmp_path / "work" / "leg-2" / "model"
    assert (trained.model / "model.safetensors").exists()


def test_answers_alone_are_learned_from_the_base_model(small_model: Path, tmp_path: Path) -> None:
    subject = baselines(tmp_path / "work")
    missing = tmp_path / "none"
    trained = train_baseline(subject, ANSWER_ONLY, base=small_model, start=missing, rounds=missing)
    assert trained.numbers["steps"] == 5  # 10 answers, 4 to a step, twice
    assert trained.numbers["examples"] == 10


def test_lmsi_leaves_a_model_that_gets_nothing_right_as_it_is(small_model: Path, tmp_path: Path, rounds: Path) -> None:
    subject = baselines(tmp_path / "work")
    trained = train_baseline(subject, "lmsi", base=tmp_path / "none", start=small_model, rounds=rounds)
    assert trained.numbers == {"examples": 0.0, "steps": 0.0, "tokens": 0.0}
    assert trained.curve == []
    weights = [(folder / "model.safetensors").read_bytes() for folder in (trained.model, small_model)]
    assert weights[0] == weights[1]


def test_baselines_need_a_round(small_model: Path, tmp_path: Path) -> None:
    with pytest.raises(RoundError, match="run `tripost_train` first"):
        train_baseline(baselines(tmp_path), "continued", base=small_model, start=small_model, rounds=tmp_path / "none")


# --- evaluation ---


def test_evaluation_counts_what_updates_are_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = DEV[:2]
    prompts = ["".join(SumTask().prompt(problem)) for problem in (first, second)]
    assert first.reference is not None
    positive = " Step (1) to step (2) are correct. The final response is also correct."
    wrong = "(1) 11 + 2 = 0.\n(2) 0 + 3 = 3.\n(Final response) So the answer is 3."
    criticism = '\nFeedback: In step (1) the part "0" is incorrect. This is because it is 13.'
    script = {
        prompts[0]: f"{wrong}{criticism}\nUpdated Answer: Let's think step by step.\n{first.reference.text}",
        f"{prompts[0]}{first.reference.text}\nFeedback:": positive,
        prompts[1]: "well",
    }
    monkeypatch.setattr(TripostSetup, "make_backend", lambda self, model: RecordingBackend(script))
    setup = sum_setup(task_params=TaskParams(form="scripted", max_new_tokens=500))
    result = examine(setup, "tripost_1", Path("model"), [first, second])
    assert [prediction.verdict.correct for prediction in result.predictions] == [True, False]
    assert [len(talk.turns) for talk in result.trajectories] == [2, 0]
    expected = {"accuracy": 0.5, "contribution": 0.5, "direct": 0.0, "turns": 1.5, "unreadable": 0.5, "stalled": 0.0}
    assert {name: result.numbers[name] for name in expected} == expected


def test_answers_alone_are_evaluated_without_reasoning(monkeypatch: pytest.MonkeyPatch) -> None:
    task = get_task("multistep_arithmetic", TaskParams(form="scripted", train=4, dev=1, test=1), seed=0)
    problems = task.load("train").problems
    script = {"".join(AnswerOnly(task).prompt(problem)): f" {problem.answer}" for problem in problems[:3]}
    script |= {"".join(AnswerOnly(task).prompt(problems[3])): " 0.5"}
    monkeypatch.setattr(TripostSetup, "make_backend", lambda self, model: RecordingBackend(script))
    asking: Task = task
    result = examine(sum_setup(task=asking), ANSWER_ONLY, Path("model"), problems)
    assert result.numbers["accuracy"] == result.numbers["strict_accuracy"] == 0.75
    assert (result.numbers["turns"], result.numbers["frequency"]) == (1.0, 0.0)
    assert set(VARIANTS) == {"continued", "lmsi", "demonstrations", ANSWER_ONLY}
