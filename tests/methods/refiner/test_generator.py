"""Generators: the warm start, fine-tuning continued, and the loop with the oracle, on random models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stepwise.methods.refiner import generator_loop
from stepwise.methods.refiner.generator import Budget, BudgetError, continued, warm_start
from stepwise.methods.refiner.generator_loop import GeneratorLoop, GeneratorResult, train_generator
from stepwise.methods.refiner.refinement import Revision
from stepwise.params import LoraParams, SftParams
from stepwise.params.refiner import RefinerTraining, WarmStartParams
from stepwise.records import Problem, read_jsonl, write_json
from stepwise.training.resumable_run import TrainingError
from tests.methods.refiner.digits import DigitTask, digit_setup

SETUP = digit_setup()
TRAIN, DEV = DigitTask().load("train").problems, DigitTask().load("dev").problems
TUNING = SftParams(batch_examples=4, batch_tokens=256, evaluations=2, dev_examples=3, saves=3, learning_rate=0.01)
PARAMS = RefinerTraining(epochs=2, turns=3, samples=2, top_p=1.0, fine_tuning=TUNING)


def train(model: Path, work: Path, **changes: Any) -> GeneratorResult:
    return train_generator(SETUP, model, TRAIN, DEV, PARAMS.model_copy(update=changes), work)


def weights(work: Path) -> bytes:
    return (work / "model" / "model.safetensors").read_bytes()


def test_the_warm_start_learns_a_share_of_the_references(any_model: Path, tmp_path: Path) -> None:
    params = WarmStartParams(share=0.5, epochs=2, fine_tuning=TUNING)
    without = [TRAIN[0].model_copy(update={"reference": None}), *TRAIN[1:]]
    result = warm_start(SETUP, any_model, without, DEV, params, tmp_path)
    assert (result.examples, result.steps) == (6, 3)  # round(0.5 x 11) = 6, twice, 4 to a step
    assert result.best_score is not None
    assert weights(tmp_path) != (any_model / "model.safetensors").read_bytes()


def test_a_step_learns_all_turns_of_its_problems(any_model: Path, tmp_path: Path) -> None:
    result = train(any_model, tmp_path)
    numbers = result.numbers
    # 12 problems, 4 to a step, twice
    assert (numbers["steps"], numbers["problems"], numbers["rows_left_out"]) == (6, 12, 0)
    # a random model is never right: turn 2 has 1 or 2 different attempts a problem, and turn 3 as many at most
    assert 3 * 24 <= numbers["rows"] <= 5 * 24
    assert 24 * 3 <= numbers["attempts"] <= 24 * 4
    assert numbers["attempt_tokens"] > 0
    assert [row["step"] for row in result.curve] == [1, 2, 3, 4, 5, 6]
    assert sum(row["rows"] for row in result.curve) == numbers["rows"]
    assert weights(tmp_path) != (any_model / "model.safetensors").read_bytes()


def test_without_later_turns_it_is_fine_tuning(small_model: Path, tmp_path: Path) -> None:
    numbers = train(small_model, tmp_path / "refiner", turns=1).numbers
    assert (numbers["rows"], numbers.get("attempts", 0)) == (24, 0)
    params = PARAMS.model_copy(update={"turns": 1})
    budget = Budget(int(numbers["steps"]), int(numbers["tokens"]))
    result = continued(SETUP, small_model, TRAIN, DEV, params, budget, tmp_path / "continued")
    assert (result.steps, result.tokens) == (budget.steps, budget.tokens)
    assert weights(tmp_path / "refiner") == weights(tmp_path / "continued")


def test_continued_takes_the_steps_and_tokens_of_refiner(small_model: Path, tmp_path: Path) -> None:
    numbers = train(small_model, tmp_path / "refiner").numbers
    budget = Budget(int(numbers["steps"]), int(numbers["tokens"]))
    result = continued(SETUP, small_model, TRAIN, DEV, PARAMS, budget, tmp_path / "continued")
    assert result.steps == budget.steps
    one_example = result.tokens / result.steps / round(result.tokens / result.steps / (budget.tokens / 100))
    assert abs(result.tokens - budget.tokens) / budget.steps <= one_example


def test_the_budget_is_read_from_metrics(tmp_path: Path) -> None:
    write_json(tmp_path / "metrics.json", {"steps": 6.0, "tokens": 700.0, "method": "refiner"})
    assert Budget.read(tmp_path / "metrics.json") == Budget(6, 700)
    with pytest.raises(BudgetError, match="run `refiner_train_generator` first"):
        Budget.read(tmp_path / "missing.json")


def test_the_loss_is_a_sum_over_turns(small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    update = GeneratorLoop._update

    def recorded(self: GeneratorLoop, step: Sequence[Any], number: int, norm: float) -> float:
        first, later = step[:4], step[4:]
        by_problem: dict[str, float] = {}
        for row in later:
            by_problem[row.id] = by_problem.get(row.id, 0) + max(row.weights)
        seen.append((norm, sum(sum(row.weights) for row in first), by_problem))
        return update(self, step, number, norm)

    monkeypatch.setattr(GeneratorLoop, "_update", recorded)
    train(small_model, tmp_path)
    for norm, first, by_problem in seen:
        assert norm == first, "the tokens of the first turn"
        assert list(by_problem.values()) == pytest.approx([2.0] * 4), "a weight of 1 in each of two later turns"


@pytest.mark.parametrize(("window", "files"), [(0, 2), (1, 6), (4, 2)])
def test_attempts_are_sampled_by_windows(small_model: Path, tmp_path: Path, window: int, files: int) -> None:
    train(small_model, tmp_path, window=window)
    paths = sorted(tmp_path.glob("attempts-*/[0-9]*[0-9].jsonl"))
    assert len(paths) == files
    first = {revision.problem_id for revision in read_jsonl(paths[0], Revision)}
    assert len(first) == (4 if window == 1 else 12)


def test_lora_learns_adapters_alone(any_model: Path, tmp_path: Path) -> None:
    targets = ["q_proj"] if any_model.name == "llama" else ["q", "v"]
    lora = LoraParams(rank=2, dropout=0.1, targets=targets)
    train(any_model, tmp_path, fine_tuning=TUNING.model_copy(update={"lora": lora}))
    from safetensors.torch import load_file

    before, after = load_file(any_model / "model.safetensors"), load_file(tmp_path / "model" / "model.safetensors")
    assert before.keys() == after.keys()
    changed = {name for name in before if not before[name].equal(after[name])}
    assert changed
    assert all(any(f".{target}.weight" in name for target in targets) for name in changed)


def test_dev_is_judged_after_all_turns_or_after_the_first(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = []

    def dev_solved(self: object, dev: Sequence[Problem], limit: int, *, turns: int = 1) -> Any:
        recorded.append((limit, turns))
        return lambda model, tokenizer: 0.0

    recorded: list[tuple[int, int]] = turns
    monkeypatch.setattr(generator_loop.RefinerSetup, "dev_solved", dev_solved)
    train(small_model, tmp_path / "refined")
    train(small_model, tmp_path / "first", select="first")
    assert turns == [(3, 3), (3, 1)]


def test_references_that_do_not_fit_are_an_error(small_model: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="none of 12 reference solutions fits into 2 tokens"):
        train(small_model, tmp_path, fine_tuning=TUNING.model_copy(update={"max_length": 2}))


class KilledError(Exception):
    pass


@pytest.mark.parametrize("kill_at", [2, 4, 6])
def test_a_killed_run_ends_with_the_same_bytes(
    any_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_at: int
) -> None:
    """Checkpoints are after steps 2, 4 and 6, windows begin at steps 1 and 4."""
    undisturbed = train(any_model, tmp_path / "whole")
    step, begun = GeneratorLoop._step, []

    def dying(self: GeneratorLoop, number: int) -> dict[str, float]:
        begun.append(number)
        metrics = step(self, number)
        if number == kill_at and begun.count(number) == 1:
            raise KilledError
        return metrics

    monkeypatch.setattr(GeneratorLoop, "_step", dying)
    with pytest.raises(KilledError):
        train(any_model, tmp_path / "parts")
    journals = {path: path.read_bytes() for path in tmp_path.glob("parts/attempts-*/*-journal.jsonl")}
    resumed = train(any_model, tmp_path / "parts")
    assert begun[kill_at] == {2: 1, 4: 3, 6: 5}[kill_at], "earlier work was reused"
    assert weights(tmp_path / "whole") == weights(tmp_path / "parts")
    assert (undisturbed.numbers, undisturbed.curve) == (resumed.numbers, resumed.curve)
    for path, content in journals.items():
        assert path.read_bytes() == content, "nothing was sampled again"
