"""Whole rounds on a random model: collecting, training, what is left for the next round, and stopping."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stepwise.methods.tripost.roles import CORRECT
from stepwise.methods.tripost.rounds.collecting import collect
from stepwise.methods.tripost.rounds.handover import REPLAY, STOPPED, has_stopped, mark_stopped, read_experience
from stepwise.methods.tripost.rounds.round import Round, RoundResult, train_round
from stepwise.methods.tripost.rounds.training import RoundError
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.params import SftParams, TaskParams
from stepwise.params.tripost import CollectParams, TripostTraining
from stepwise.records import EditedTrajectory, Turn
from stepwise.training.sft_loop import SftLoop
from tests.methods.tripost.sums import RecordingBackend, SumTask, attempt, negative, solve, sum_setup, trajectory

TRAIN, DEV = SumTask().load("train").problems, SumTask().load("dev").problems
SETUP = sum_setup(max_updates=0, task_params=TaskParams(form="scripted", max_new_tokens=2))
TUNING = SftParams(batch_examples=2, batch_tokens=1024, evaluations=2, dev_examples=2, saves=3, learning_rate=0.01)
PARAMS = TripostTraining(epochs=2, fine_tuning=TUNING)


def improved(number: int) -> EditedTrajectory:
    """A trajectory of problem `number` that leads from a wrong attempt to another right one than the reference."""
    wrong = attempt("1 + 2 = 0.", "So the answer is 0.")
    right = attempt(f"2 + 3 = 5, and {number + 1} + 5 = {number + 6}.", f"So the answer is {number + 6}.")
    kept = trajectory(wrong, negative("1", "0"), right, CORRECT)
    return EditedTrajectory(trajectory=kept.model_copy(update={"problem_id": f"train-{number}"}), outcome="edited")


REJECTED = EditedTrajectory(
    trajectory=trajectory(solve([1, 1]), CORRECT).model_copy(update={"problem_id": "train-9"}), rejected="no_update"
)
EDITED = [improved(0), improved(1), REJECTED]


def run(
    start: Path, work: Path, edited: list[EditedTrajectory] = EDITED, number: int = 1, **changes: object
) -> RoundResult:
    least = changes.pop("least_rows", 0)
    this = Round(
        name=f"tripost_{number}",
        number=number,
        setup=SETUP,
        train=TRAIN,
        dev=DEV,
        params=PARAMS.model_copy(update=changes),
        least_rows=int(str(least)),
        work=work,
    )
    return train_round(this, start, edited)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_round_trains_the_start_and_leaves_what_it_has_learned(small_model: Path, tmp_path: Path) -> None:
    result = run(small_model, tmp_path)
    # improvement 2, other ceil(2 / 1.5) = 2, and as many gold rows as others
    assert {name: result.numbers[name] for name in ("rows_improvement", "rows_other", "rows_gold", "rows")} == {
        "rows_improvement": 2.0,
        "rows_other": 2.0,
        "rows_gold": 2.0,
        "rows": 6.0,
    }
    assert (result.numbers["steps"], result.numbers["stopped"], result.numbers["rows_left_out"]) == (6.0, 0.0, 0.0)
    assert result.numbers["tokens"] > 0
    assert "best_dev_score" in result.numbers
    assert contents(result.model)["model.safetensors"] != contents(small_model)["model.safetensors"]
    assert read_experience(result.model) == EDITED[:2]
    assert not has_stopped(result.model)
    assert [row["dev_score"] for row in result.curve if "dev_score" in row] == [0.0, 0.0]


def test_a_later_round_may_replay_the_earlier_one(small_model: Path, tmp_path: Path) -> None:
    first = run(small_model, tmp_path / "1").model
    second = run(first, tmp_path / "2", [improved(2)], number=2, replay=True, ratio=0.0)
    assert (second.numbers["rows_replayed"], second.numbers["rows_improvement"]) == (4.0, 3.0)
    assert read_experience(second.model) == [improved(0), improved(1), improved(2)]
    forgetful = run(first, tmp_path / "3", [improved(2)], number=2, ratio=0.0)
    assert (forgetful.numbers["rows_replayed"], forgetful.numbers["rows_improvement"]) == (0.0, 1.0)
    assert read_experience(forgetful.model) == [improved(2)]


def test_gold_solutions_are_those_of_the_problems_that_were_collected(small_model: Path, tmp_path: Path) -> None:
    only_rejected = run(small_model, tmp_path, [REJECTED])
    assert (only_rejected.numbers["rows_gold"], only_rejected.numbers["rows"]) == (1.0, 1.0)
    assert read_experience(only_rejected.model) == []


def test_too_few_rows_are_an_error_before_anything_is_trained(small_model: Path, tmp_path: Path) -> None:
    with pytest.raises(RoundError, match=r"least = 7"):
        run(small_model, tmp_path, least_rows=7)
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_no_better_is_given_up(small_model: Path, tmp_path: Path) -> None:
    """Neither model answers anything, so the difference is zero: not worse, and not better."""
    kept = run(small_model, tmp_path / "kept", stop="worse")
    assert kept.numbers["stopped"] == 0.0
    result = run(small_model, tmp_path / "given-up", stop="not_better")
    assert (result.numbers["stopped"], result.numbers["steps"]) == (1.0, 6.0)
    assert contents(result.model).items() >= contents(small_model).items()
    assert contents(result.model).keys() - contents(small_model).keys() == {STOPPED}
    assert json.loads((result.model / STOPPED).read_text(encoding="utf-8")) == {"stopped_in": "tripost_1"}
    assert not has_stopped(small_model)


def test_after_a_stop_later_rounds_change_nothing(small_model: Path, tmp_path: Path) -> None:
    first = run(small_model, tmp_path / "1", stop="not_better").model
    second = run(first, tmp_path / "2", [], number=2, least_rows=100)
    assert second.numbers == {"stopped": 1.0}
    assert second.curve == []
    assert contents(second.model) == contents(first), "it stopped in the first round"
    assert second.model != first


def test_a_model_keeps_what_it_learned_before_it_stopped(small_model: Path, tmp_path: Path) -> None:
    first = run(small_model, tmp_path / "1").model
    second = run(first, tmp_path / "2", [improved(2)], number=2, stop="not_better").model
    assert read_experience(second) == read_experience(first) == EDITED[:2]
    assert contents(second)[REPLAY] == contents(first)[REPLAY]


def test_marks_and_experience_of_other_models(tmp_path: Path) -> None:
    assert read_experience(tmp_path) == []
    assert not has_stopped(tmp_path)
    mark_stopped(tmp_path, "tripost_3")
    assert has_stopped(tmp_path)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("kill_at", [3, 6])
def test_a_killed_round_ends_with_the_same_bytes(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_at: int
) -> None:
    undisturbed = run(small_model, tmp_path / "whole")
    step = SftLoop._step
    begun: list[int] = []

    def dying(self: SftLoop, number: int) -> dict[str, float]:
        begun.append(number)
        if number == kill_at and begun.count(kill_at) == 1:
            raise KilledError
        return step(self, number)

    monkeypatch.setattr(SftLoop, "_step", dying)
    with pytest.raises(KilledError):
        run(small_model, tmp_path / "killed")
    resumed = run(small_model, tmp_path / "killed")
    assert begun[kill_at] == {3: 3, 6: 5}[kill_at], "earlier steps were not taken again"
    assert contents(resumed.model) == contents(undisturbed.model)
    assert (resumed.numbers, resumed.curve) == (undisturbed.numbers, undisturbed.curve)


def test_every_pass_of_every_round_is_sampled_with_a_seed_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = RecordingBackend(lambda prompt, _: f"(1) {prompt[3]}.\n(Final response) So the answer is 1.")
    monkeypatch.setattr(TripostSetup, "make_backend", lambda self, model: backend)
    setup = sum_setup()
    params = CollectParams(passes=3, temperature=0.7, top_p=0.9, top_k=5)
    collected = [collect(setup, Path("model"), TRAIN[:2], params, number=number) for number in (0, 1)]
    assert [(written.problem_id, written.sample) for written in collected[0]] == [
        (name, sample) for sample in range(3) for name in ("train-0", "train-1")
    ]
    assert collected[0][0].turns == (Turn(solution=attempt("1.", "So the answer is 1.")),)
    assert len({sampling.seed for sampling in backend.samplings}) == 6
    assert {(sampling.temperature, sampling.top_p, sampling.top_k) for sampling in backend.samplings} == {(0.7, 0.9, 5)}
