"""What self-training learns from, by hand; and whole runs on a random model."""

import dataclasses

import pytest
import torch
from safetensors.torch import load_file

from stepwise import evaluation
from stepwise.methods.reft import online
from stepwise.methods.reft.baselines import Baseline, BaselineError, Budget, budget
from stepwise.methods.reft.self_training import (
    combined,
    cut,
    kept,
    mini_batches,
    offline_examples,
    portions,
    sample_example,
)  # fmt: skip
from stepwise.methods.reft.train import TaskSetup
from stepwise.models.loading import load_model
from stepwise.params import BackendParams, ModelParams, SftParams, TaskParams
from stepwise.params.reft import ReftParams, SelfTrainingParams
from stepwise.records import Prediction, Verdict
from stepwise.tasks.base import example
from stepwise.training.batching import collate
from stepwise.training.encoding import Encoded
from stepwise.training.loss import WeightedLoss
from tests.small_models import encode_example

PARAMS = SelfTrainingParams(keep=2)
REFT = ReftParams(steps=3, prompts=2, samples=2, inner_epochs=2, mini_batches=1)


def sample(problem, number, text, right=True, reason="eos"):
    verdict = Verdict(answer="1", correct=right)
    return Prediction(problem_id=problem, sample=number, text=text, verdict=verdict, tokens=5, finish_reason=reason)


# --- what is learned from ---


def test_the_budget_is_reft_s():
    reft = ReftParams(steps=7, prompts=5, samples=4, inner_epochs=2, mini_batches=3)
    assert budget(reft, 1000, seed=1) == Budget(optimizer_steps=42, completions=140)


@pytest.mark.parametrize("completions", [3, 6, 15, 20])
def test_portions_add_up_and_differ_by_one_at_most(train, completions):
    counts = [(problem.id, count) for group, count in portions(train, completions, seed=1) for problem in group]
    assert sum(count for _, count in counts) == completions
    assert len({name for name, _ in counts}) == len(counts) == min(6, completions)
    assert max(count for _, count in counts) - min(count for _, count in counts) <= 1


def test_only_different_right_samples_are_kept_and_no_copy_of_gold():
    texts = ["a", "gold\n", "b", "a\n", "c", "d"]
    samples = [sample("p", i, text, right=text != "b") for i, text in enumerate(texts)]
    everything = PARAMS.model_copy(update={"keep": 10})
    assert [row.text for row in kept(samples, "gold", everything, seed=1)] == ["a", "c", "d"]
    assert kept([], "gold", everything, seed=1) == []


def test_kept_samples_are_random_but_the_first_in_the_released_code():
    samples = [sample("p", i, str(i)) for i in range(30)]
    first = PARAMS.model_copy(update={"first_samples": True})
    assert [row.text for row in kept(samples, "", first, seed=1)] == ["0", "1"]
    drawn = [row.text for row in kept(samples, "", PARAMS, seed=1)]
    assert len(set(drawn)) == 2
    assert drawn != ["0", "1"]
    assert drawn == [row.text for row in kept(samples, "", PARAMS, seed=1)]
    assert drawn != [row.text for row in kept(samples, "", PARAMS, seed=2)]


def test_offline_examples_are_gold_and_samples(task, train):
    problems = train[:2]
    samples = [sample(problems[0].id, 0, "    return 1\n"), sample(problems[1].id, 0, "    return 2", right=False)]
    examples = offline_examples(task, problems, samples, PARAMS, seed=1)
    assert [text.id for text in examples] == [problems[0].id, problems[0].id, problems[1].id]
    assert examples[0] == example(task, problems[0])
    assert examples[1].spans[-1].text == "    return 1"
    assert examples[1].spans[:-1] == examples[0].spans[:-1], "the prompt of the gold solution"
    doubled = offline_examples(task, problems, samples, PARAMS.model_copy(update={"doubled_gold": True}), seed=1)
    assert len(doubled) == 5


def test_the_end_of_a_truncated_sample_is_not_learned(task, train, small_model):
    _, tokenizer = load_model(small_model)
    whole = encode_example(tokenizer, sample_example(task, train[0], "    return 1"))
    truncated = encode_example(tokenizer, sample_example(task, train[0], "    return 1", ended=False))
    assert whole.tokens == (*truncated.tokens, tokenizer.eos_token_id)


def test_a_cut_removes_the_end():
    encoded = Encoded("a", (1, 2, 3), (0.0, 1.0, 1.0))
    assert cut(encoded, 2) == Encoded("a", (1, 2), (0.0, 1.0))
    assert cut(encoded, 0) == encoded


def test_mini_batches_share_the_problems(train):
    parts = mini_batches(train, 4, "1")
    assert sorted(problem.id for part in parts for problem in part) == [problem.id for problem in train]
    assert [len(part) for part in parts] == [2, 2, 1, 1]


def test_the_online_loss_is_half_of_each_mean(task, train, small_model):
    model, tokenizer = load_model(small_model)
    gold = [encode_example(tokenizer, example(task, problem)) for problem in train[:2]]
    right = [encode_example(tokenizer, sample_example(task, train[0], "    return 7"))]

    def loss(examples):
        return WeightedLoss(model)(collate(examples, pad=0)).item()

    def mean(examples):
        return loss(examples) / sum(weight for text in examples for weight in text.weights)

    assert loss(combined(gold, right)) == pytest.approx(0.5 * mean(gold) + 0.5 * mean(right), rel=1e-5)
    assert loss(combined(gold, [])) == pytest.approx(0.5 * mean(gold), rel=1e-5)
    repeated = [*right, dataclasses.replace(gold[0], id="a sample")]
    together = combined(gold, repeated)
    assert [text.id for text in together] == [gold[0].id, gold[1].id, right[0].id], "equal texts are read once"
    assert loss(together) == pytest.approx(0.5 * mean(gold) + 0.5 * mean(repeated), rel=1e-5)


# --- whole runs ---


class CheckedTask:
    """The task with a checker that calls every other sample right: a random model never is."""

    def __init__(self, task):
        self.task = task

    def __getattr__(self, name):
        return getattr(self.task, name)

    def check_many(self, pairs):
        return [Verdict(answer="1", correct=number % 2 == 0) for number, _ in enumerate(pairs)]


@pytest.fixture
def baseline(task, train, small_model, tmp_path):
    def make(name="run", params=PARAMS, reft=REFT):
        tuning = SftParams(
            batch_examples=2, batch_tokens=512, learning_rate=0.01, evaluations=2, dev_examples=2, saves=3
        )
        setup = TaskSetup(
            task=CheckedTask(task), train=train, dev=task.load("dev").problems, backend=BackendParams(),
            task_params=TaskParams(form="p_cot", max_new_tokens=6), model_params=ModelParams(source="shipped"),
            seed=3, work=tmp_path / f"{name}.work", out=tmp_path / name,
        )  # fmt: skip
        params = params.model_copy(update={"fine_tuning": tuning, "online_learning_rate": 0.01})
        return Baseline(setup, start=small_model, base=small_model, reft=reft, params=params)

    return make


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("variant", ["sft", "offline", "online"])
def test_every_baseline_spends_reft_s_budget(baseline, variant):
    run = baseline(variant)
    numbers = run.run(variant).numbers
    assert numbers["optimizer_steps"] == 6
    assert numbers["generated_completions"] == (0 if variant == "sft" else 12)
    assert (numbers["generated_tokens"] > 0) == (variant != "sft")
    assert numbers["trained_tokens"] > 0
    assert weights(run.setup.out) != weights(run.start)


def test_online_takes_an_encoder_decoder(baseline, t5):
    run = dataclasses.replace(baseline(), start=t5)
    assert run.run("online").numbers["optimizer_steps"] == 6
    assert weights(run.setup.out) != weights(t5)


def test_the_curve_says_what_was_spent_by_then(baseline):
    for variant in ("sft", "offline", "online"):
        trained = baseline(variant).run(variant)
        spent = [(row["optimizer_steps"], row["trained_tokens"]) for row in trained.curve]
        assert spent == sorted(set(spent))
        assert trained.curve[-1]["trained_tokens"] == trained.numbers["trained_tokens"]


class KilledError(Exception):
    pass


@pytest.mark.parametrize("kill_at", [2, 3])
def test_a_killed_online_run_ends_with_the_same_bytes(baseline, monkeypatch, kill_at):
    whole = baseline("whole")
    undisturbed = whole.run("online")
    step, begun = online.OnlineLoop._step, []

    def dying(self, number):
        begun.append(number)
        if number == kill_at:
            raise KilledError
        return step(self, number)

    parts = baseline("parts")
    monkeypatch.setattr(online.OnlineLoop, "_step", dying)
    with pytest.raises(KilledError):
        parts.run("online")
    monkeypatch.setattr(online.OnlineLoop, "_step", lambda self, number: begun.append(number) or step(self, number))
    resumed = parts.run("online")
    assert begun == [*range(1, kill_at + 1), *range(kill_at, 4)], "earlier steps were reused"
    assert weights(whole.setup.out) == weights(parts.setup.out)
    assert resumed == undisturbed


def test_online_samples_come_from_the_live_policy(baseline, monkeypatch):
    answer, seen = evaluation.answer, []

    def watched(task, backend, problems, sampling, **options):
        state = {name: value.clone() for name, value in backend.model.state_dict().items()}
        seen.append((sampling.seed, state)) if sampling.temperature else None
        return answer(task, backend, problems, sampling, **options)

    monkeypatch.setattr(evaluation, "answer", watched)
    run = baseline()
    run.run("online")
    first = load_file(run.start / "model.safetensors")
    assert len({seed for seed, _ in seen}) == len(seen) == 3
    assert all(torch.equal(seen[0][1][name], first[name]) for name in first)
    assert not torch.equal(seen[1][1]["lm_head.weight"], seen[0][1]["lm_head.weight"])


def test_offline_starts_from_the_base_model_only_with_the_switch(baseline, tmp_path):
    missing = tmp_path / "none"
    run = dataclasses.replace(baseline(), base=missing)
    run.run("offline")
    setup = dataclasses.replace(run.setup, out=tmp_path / "switched")
    switched = dataclasses.replace(run, setup=setup, params=run.params.model_copy(update={"from_base": True}))
    with pytest.raises(ValueError, match="none"):
        switched.run("offline")


def test_an_unknown_baseline_is_one_clear_error(baseline):
    with pytest.raises(BaselineError, match="no baseline 'dpo'; the baselines are sft, offline and online"):
        baseline().run("dpo")
