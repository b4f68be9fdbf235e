"""The rows of a round, the steps and tokens of its baselines, and the rule by which it stops."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.tripost.roles import CORRECT
from stepwise.methods.tripost.rounds.training import (
    Leg,
    RoundError,
    goes_further,
    make_rows,
    read_legs,
    train_leg,
    train_like,
    training_setup,
)
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.params import SftParams, TaskParams
from stepwise.params.tripost import TripostTraining
from stepwise.records import EditedTrajectory, Feedback, Problem, Solution, write_json
from stepwise.tasks.base import example
from stepwise.training.sft import TrainingError
from tests.methods.tripost.sums import SumTask, attempt, negative, sum_setup, trajectory

SETUP = sum_setup()
SHORT = sum_setup(max_updates=0, task_params=TaskParams(form="scripted", max_new_tokens=2))
"""For a random model, which only babbles."""
TRAIN, DEV = SumTask().load("train").problems, SumTask().load("dev").problems
TUNING = SftParams(batch_examples=4, batch_tokens=1024, evaluations=1, dev_examples=2, saves=2, learning_rate=0.01)
PARAMS = TripostTraining(epochs=2, ratio=0, fine_tuning=TUNING)


def edited(problem: Problem, *parts: Solution | Feedback, **changes: str) -> EditedTrajectory:
    kept = trajectory(*parts).model_copy(update={"problem_id": problem.id})
    return EditedTrajectory(trajectory=kept, **{"outcome": "edited", **changes})


def wrong(number: int) -> Solution:
    return attempt(f"{1 + number} + 2 = 0.", "0 + 3 = 3.", "So the answer is 3.")


def improved(number: int) -> EditedTrajectory:
    """A trajectory of two rows: a wrong attempt at problem `number`, corrected."""
    reference = TRAIN[number].reference
    assert reference is not None
    return edited(TRAIN[number], wrong(number), negative("1", "0"), reference, CORRECT)


def rows_of(
    current: Sequence[EditedTrajectory], earlier: Sequence[EditedTrajectory] = (), problems: Sequence[Problem] = TRAIN
) -> list[tuple[str, str]]:
    mixed = make_rows(current, earlier, problems, SETUP, PARAMS, name="tripost_1")
    return sorted((row.example.id, row.kind) for row in mixed.rows)


def test_a_round_learns_its_trajectories_and_gold_solutions_of_the_given_problems() -> None:
    # the gold solution of problem 0 is the row that its trajectory ends in
    expected = [("train-0-improvement", "improvement"), ("train-0-other", "other"), ("train-1-gold", "gold")]
    assert rows_of([improved(0)], problems=TRAIN[:2]) == expected
    assert rows_of([improved(0), improved(5)], problems=TRAIN[:2]) == expected


def test_rejected_trajectories_are_not_learned() -> None:
    rejected = edited(TRAIN[1], wrong(1), CORRECT, outcome="", rejected="no_update")
    assert rows_of([improved(0), rejected], problems=TRAIN[:2]) == rows_of([improved(0)], problems=TRAIN[:2])


def test_earlier_rounds_are_learned_too() -> None:
    expected = [f"train-{number}-{kind}" for number in (0, 1) for kind in ("improvement", "other")]
    assert [name for name, _ in rows_of([improved(0)], [improved(1)], TRAIN[:2])] == expected


def test_a_round_without_trajectories_learns_the_gold_solutions() -> None:
    without = TRAIN[3].model_copy(update={"reference": None})
    mixed = make_rows([], [], [*TRAIN[:3], without], SETUP, PARAMS, name="tripost_1")
    assert [row.example.id for row in mixed.rows] == ["train-0-gold", "train-1-gold", "train-2-gold"]
    assert (mixed.metrics["rows"], mixed.metrics["rows_gold"], mixed.metrics["rows_improvement"]) == (3.0, 3.0, 0.0)


def test_too_few_rows_are_an_error_that_says_what_to_do() -> None:
    arguments = ([improved(0)], [], TRAIN[:2], SETUP, PARAMS)
    assert len(make_rows(*arguments, name="tripost_1", least=3).rows) == 3
    with pytest.raises(RoundError, match=r"tripost_1 has 3 rows .* tripost_edit\.limits\.\w+\.least = 4; collect more"):
        make_rows(*arguments, name="tripost_1", least=4)
    with pytest.raises(RoundError, match="has 0 rows"):
        make_rows([], [], TRAIN, SETUP, PARAMS, name="tripost_1", least=1)


def test_weights_are_the_parameters() -> None:
    params = PARAMS.model_copy(update={"feedback_weight": 2.5, "answer_only": True})
    mixed = make_rows([improved(0)], [], TRAIN[:1], SETUP, params, name="tripost_1")
    weights = {row.kind: [span.weight for span in row.example.spans] for row in mixed.rows}
    assert weights == {"improvement": [0.0, 1.0, 2.5, 2.5, 2.5, 2.5], "other": [0.0, 1.0, 2.5, 2.5]}


def test_a_baseline_takes_the_steps_and_tokens_of_a_round(small_model: Path, tmp_path: Path) -> None:
    rows = make_rows([improved(n) for n in range(10)], [], TRAIN, SHORT, PARAMS, name="tripost_1").rows
    training = training_setup(SHORT, TUNING, DEV, number=1, work=tmp_path / "round")
    result = train_leg(small_model, [row.example for row in rows], PARAMS, training)
    assert result.steps == 10  # 20 rows, 4 to a step, twice
    leg = Leg(result.steps, result.tokens)
    examples = [example(SHORT.task, problem) for problem in TRAIN]
    training = training_setup(SHORT, TUNING, DEV, number=1, work=tmp_path / "baseline")
    like = train_like(leg, small_model, examples, PARAMS, training)
    assert like.steps == leg.steps
    assert like.tokens / like.steps == pytest.approx(leg.tokens / leg.steps, rel=0.1)
    assert (training.out / "model.safetensors").exists()
    assert [row["step"] for row in like.curve][-1] == leg.steps


def test_legs_come_in_the_order_of_their_rounds(tmp_path: Path) -> None:
    for number, steps in ((10, 7), (2, 5), (1, 0)):
        write_json(tmp_path / f"tripost_{number}.json", {"number": number, "steps": steps, "tokens": 100.0 * steps})
    write_json(tmp_path / "tripost_11.json", {"number": 11, "stopped": 1.0})
    assert read_legs(tmp_path) == [Leg(5, 500), Leg(7, 700)]


@pytest.mark.parametrize("exists", [True, False])
def test_legs_need_a_trained_round(tmp_path: Path, exists: bool) -> None:
    if exists:
        write_json(tmp_path / "tripost_1.json", {"number": 1, "stopped": 1.0})
    with pytest.raises(RoundError, match="has no metrics of a trained round; run `tripost_train` first"):
        read_legs(tmp_path)


def test_nothing_that_fits_is_an_error(small_model: Path, tmp_path: Path) -> None:
    params = PARAMS.model_copy(update={"fine_tuning": TUNING.model_copy(update={"max_length": 3})})
    with pytest.raises(TrainingError, match="none of 10 examples can be learned"):
        train_leg(
            small_model,
            [example(SumTask(), problem) for problem in TRAIN],
            params,
            training_setup(SHORT, TUNING, DEV, number=1, work=tmp_path),
        )


@pytest.fixture
def right_answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Models that answer so many dev problems right, by the names of their folders."""
    right: dict[str, int] = {}
    prompts = {"".join(SumTask().prompt(problem)): number for number, problem in enumerate(DEV)}

    def make_backend(self: TripostSetup, model: Path) -> ScriptedBackend:
        def answer(prompt: str, _: int) -> str:
            number = prompts[prompt]
            solution = DEV[number].reference if number < right[model.name] else wrong(number)
            assert solution is not None
            return solution.text

        return ScriptedBackend(answer)

    monkeypatch.setattr(TripostSetup, "make_backend", make_backend)
    return right


@pytest.mark.parametrize(
    ("rule", "start", "trained", "expected"),
    [
        ("worse", 10, 2, False),
        ("worse", 5, 4, True),
        ("worse", 5, 5, True),
        ("worse", 2, 10, True),
        ("not_better", 2, 10, True),
        ("not_better", 5, 6, False),
        ("not_better", 5, 5, False),
        ("not_better", 10, 2, False),
    ],
)
def test_the_stopping_rule(right_answers: dict[str, int], rule: str, start: int, trained: int, expected: bool) -> None:
    right_answers.update(start=start, trained=trained)
    assert goes_further(SETUP, Path("start"), Path("trained"), DEV, rule) is expected


def test_without_a_rule_no_model_is_asked() -> None:
    assert goes_further(SETUP, Path("missing"), Path("missing"), DEV, "never")
