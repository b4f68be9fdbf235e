import pytest

from stepwise.generation.base import Completion, Sampling
from stepwise.generation.scripted import ScriptedBackend
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.models.loading import load_model
from stepwise.params import RlParams, TaskParams
from stepwise.rl import rollout
from stepwise.tasks.base import example
from stepwise.tasks.registry import get_task
from stepwise.tokens import encode
from tests.small_models import encode_example

PROMPTS = {"a": ("sort ", "the"), "b": ("the words sort ",), "c": ("words",)}
SAMPLING = Sampling(max_new_tokens=6, temperature=1.0, n=2, seed=5)


def drawn(folder, prompts, sampling=SAMPLING, batch_tokens=400):
    model, tokenizer = load_model(folder)
    backend = TransformersBackend(model, tokenizer, batch_tokens=batch_tokens)
    seq2seq = model.config.is_encoder_decoder
    return rollout.sample(backend, tokenizer, prompts, sampling, seq2seq=seq2seq)


@pytest.mark.parametrize("form", ["p_cot", "n_cot"])
def test_prompts_have_the_tokens_that_fine_tuning_gave_them(tokenizer, form):
    """The prompt of a rollout is a token prefix of the training text, whatever follows the border."""
    task = get_task("word_problems", TaskParams(form=form, train=5), seed=1)
    for problem in task.load("train").problems:
        learned = encode_example(tokenizer, example(task, problem))
        completion = Completion(problem.reference.text, (7, 1), (-1.0, -1.0), "eos")
        scripted = type(
            "Backend", (), {"generate": lambda self, prompts, sampling, c=completion: [[c] for _ in prompts]}
        )()
        samples = rollout.sample(scripted, tokenizer, {problem.id: task.prompt(problem)}, SAMPLING, seq2seq=False)
        prompt = samples.encoded[0].tokens[:-2]
        assert learned.tokens[: len(prompt)] == prompt
        assert learned.weights[: len(prompt)] == samples.encoded[0].weights[: len(prompt)] == (0.0,) * len(prompt)
        assert learned.weights[len(prompt)] == 1.0


@pytest.mark.parametrize("folder", ["llama", "t5"])
def test_actions_are_the_policys_own_tokens(folder, request, tokenizer):
    samples = drawn(request.getfixturevalue(folder), PROMPTS)
    assert samples.ids == ["a", "a", "b", "b", "c", "c"]
    for row, encoded in enumerate(samples.encoded):
        actions = [token for token, weight in zip(encoded.tokens, encoded.weights, strict=True) if weight]
        ended = actions[-1] == 1
        assert tokenizer.decode(actions, skip_special_tokens=True) == samples.texts[row]
        assert samples.response_mask[row].tolist() == [1.0] * len(actions) + [0.0] * (
            samples.response_mask.shape[1] - len(actions)
        )
        assert samples.truncated[row] == (not ended)
    assert samples.prompt_lengths == [len(encode(tokenizer, PROMPTS[name])) for name in samples.ids]


def test_a_completion_depends_on_seed_and_step_alone(llama):
    whole = drawn(llama, PROMPTS)
    alone = drawn(llama, {"b": PROMPTS["b"]}, batch_tokens=1)
    assert [encoded for encoded in whole.encoded if encoded.id == "b"] == alone.encoded
    steps = [
        rollout.step_sampling(RlParams(), n, max_new_tokens=6, stop=(), seed=s).seed
        for n, s in ((1, 1), (2, 1), (1, 2))
    ]
    assert len(set(steps)) == 3


def test_every_step_has_other_prompts_and_none_twice():
    ids = [str(number) for number in range(10)]
    steps = rollout.plan(ids, RlParams(steps=8, prompts=4), 3)
    assert len(steps) == 8
    assert all(len(set(step)) == len(step) for step in steps)
    assert set(steps[0] + steps[1]) != set(steps[2] + steps[3])
    assert {name for step in steps[:3] for name in step} == set(ids)
    assert steps == rollout.plan(ids, RlParams(steps=8, prompts=4), 3)
    assert steps != rollout.plan(ids, RlParams(steps=8, prompts=4), 4)
    assert sorted(rollout.plan(ids, RlParams(steps=2, prompts=32), 3)[0]) == ids


def test_with_repeats_every_step_is_full_and_epochs_still_cover_all_prompts():
    ids = [str(number) for number in range(5)]
    steps = rollout.plan(ids, RlParams(steps=5, prompts=2), 1, repeats=True)
    order = [name for step in steps for name in step]
    assert [len(step) for step in steps] == [2] * 5
    assert sorted(order[:5]) == sorted(order[5:]) == ids


def test_an_empty_completion_has_no_action(tokenizer):
    samples = rollout.sample(
        ScriptedBackend({"the": "", "words": "ab"}), tokenizer, {"e": ("the",), "f": ("words",)},
        Sampling(max_new_tokens=4), seq2seq=False,
    )  # fmt: skip
    assert samples.response_mask.tolist() == [[0.0, 0.0], [1.0, 1.0]]
    assert samples.prompt_lengths == [3, 5]


def test_prompts_that_leave_no_room_are_left_out_whole(llama):
    model, tokenizer = load_model(llama)
    prompts = {"short": ("sort",), "long": ("x" * 60,), "none": ("",)}
    kept, left_out = rollout.fitting(prompts, tokenizer, model.config, 8)
    assert (list(kept), left_out) == (["short"], {"too_long": 1, "empty": 1})
