from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from stepwise.generation.base import Backend, GenerationError, Sampling
from stepwise.generation.engine import prefill
from stepwise.generation.transformers_backend import TransformersBackend, placed, weights_hash
from stepwise.tokens import encode

GREEDY = Sampling(max_new_tokens=40)


def plain(model, tokenizer, prompt, new_tokens=40):
    """What `model.generate` makes of one prompt, token ids without the prompt and without padding."""
    ids = torch.tensor([encode(tokenizer, prompt)])
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=new_tokens, do_sample=False)[0]
    return tuple(out[1:].tolist() if model.config.is_encoder_decoder else out[ids.shape[1] :].tolist())


def full_logprobs(model, tokenizer, prompt, tokens):
    """Log-probabilities of the tokens after the prompt from one forward pass over all of it."""
    ids = encode(tokenizer, prompt)
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            start = [model.config.decoder_start_token_id, *tokens[:-1]]
            logits = model(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([start])).logits[0]
        else:
            logits = model(torch.tensor([ids + list(tokens)])).logits[0, len(ids) - 1 : -1]
    return logits.log_softmax(-1).gather(-1, torch.tensor(tokens)[:, None])[:, 0]


@pytest.fixture(params=["llama", "t5", "opt", "gpt2"])
def model(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("batch_tokens", [1, 400, 100_000])
def test_greedy_tokens_equal_those_of_plain_generate(model, tokenizer, prompts, batch_tokens):
    completions = TransformersBackend(model, tokenizer, batch_tokens=batch_tokens).generate(prompts, GREEDY)
    expected = [plain(model, tokenizer, prompt) for prompt in prompts]
    assert [samples[0].token_ids for samples in completions] == expected
    assert len({len(tokens) for tokens in expected}) >= 3, "rows should end at different steps"


def test_it_is_a_backend(llama, tokenizer):
    assert isinstance(TransformersBackend(llama, tokenizer, batch_tokens=100), Backend)


@pytest.mark.parametrize(("gpu", "at", "moved"), [(True, "cpu", True), (False, "cpu", False), (True, "meta", False)])
def test_a_model_in_memory_goes_to_the_gpu_that_is_there(gpu, at, moved, monkeypatch):
    class Model:
        device = torch.device(at)
        place = at

        def to(self, place):
            self.place = place
            return self

    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert placed(Model()).place == ("cuda" if moved else at)


def test_rows_leave_the_batch_when_done(llama, tokenizer, prompts, monkeypatch):
    sizes = []
    forward = llama.forward

    def counting(*args, **kwargs):
        sizes.append(tuple(kwargs["input_ids"].shape))
        return forward(*args, **kwargs)

    monkeypatch.setattr(llama, "forward", counting)
    completions = TransformersBackend(llama, tokenizer, batch_tokens=100_000).generate(prompts, GREEDY)
    steps = [rows for rows, columns in sizes if columns == 1]
    lengths = [len(samples[0].token_ids) for samples in completions]
    assert steps == [sum(length > step for length in lengths) for step in range(1, max(lengths))]


def test_samples_share_one_reading_of_the_prompt(llama, tokenizer, prompts, monkeypatch):
    read = []
    forward = llama.forward

    def counting(*args, **kwargs):
        ids = kwargs["input_ids"]
        read.append(ids.numel() if ids.shape[1] > 1 else 0)
        return forward(*args, **kwargs)

    monkeypatch.setattr(llama, "forward", counting)
    backend = TransformersBackend(llama, tokenizer, batch_tokens=100_000)
    backend.generate(prompts[:1], Sampling(max_new_tokens=4, temperature=1.0, n=6))
    assert sum(read) == len(encode(tokenizer, prompts[0]))


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(max_new_tokens=30, temperature=1.5, top_k=50, n=2, seed=3)])
def test_logprobs_equal_a_full_forward_pass(model, tokenizer, prompts, sampling):
    all_completions = TransformersBackend(model, tokenizer, batch_tokens=2000).generate(prompts, sampling)
    for prompt, completions in zip(prompts, all_completions, strict=True):
        for completion in completions:
            expected = full_logprobs(model, tokenizer, prompt, completion.token_ids)
            torch.testing.assert_close(torch.tensor(completion.logprobs), expected, atol=1e-4, rtol=1e-4)


def test_samples_do_not_depend_on_batch_mates(model, tokenizer, prompts):
    sampling = Sampling(max_new_tokens=25, temperature=1.0, top_p=0.9, n=3, seed=5)
    together = TransformersBackend(model, tokenizer, batch_tokens=100_000).generate(prompts, sampling)
    apart = TransformersBackend(model, tokenizer, batch_tokens=300).generate(prompts[::-1], sampling)[::-1]
    single = TransformersBackend(model, tokenizer, batch_tokens=1)
    alone = [single.generate([prompt], sampling)[0] for prompt in prompts[:3]]
    tokens = [[completion.token_ids for completion in completions] for completions in together]
    assert [[completion.token_ids for completion in completions] for completions in apart] == tokens
    assert [[completion.token_ids for completion in completions] for completions in alone] == tokens[:3]


def test_samples_differ_by_number_and_seed_and_repeat(llama, tokenizer, prompts):
    backend = TransformersBackend(llama, tokenizer, batch_tokens=5000)
    sampling = Sampling(max_new_tokens=20, temperature=2.0, n=4, seed=1)
    first = backend.generate(prompts[:2], sampling)
    assert backend.generate(prompts[:2], sampling) == first
    assert len({completion.token_ids for completion in first[0]}) == 4
    other = backend.generate(prompts[:2], Sampling(max_new_tokens=20, temperature=2.0, n=4, seed=2))
    tokens, other_tokens = ({completion.token_ids for completion in samples[0]} for samples in (first, other))
    assert tokens.isdisjoint(other_tokens)


def test_stop_strings_end_and_cut_the_text(llama, tokenizer, prompts):
    backend = TransformersBackend(llama, tokenizer, batch_tokens=5000)
    sampling = Sampling(max_new_tokens=60, temperature=2.0, seed=1)
    free = [samples[0] for samples in backend.generate(prompts, sampling)]
    longest = max(free, key=lambda completion: len(completion.text)).text
    ascii_pair = next(longest[i : i + 2] for i in range(5, len(longest)) if longest[i : i + 2].isascii())
    stopping = replace(sampling, stop=(ascii_pair,))
    cut = [samples[0] for samples in backend.generate(prompts, stopping)]
    for before, after in zip(free, cut, strict=True):
        assert after.text == before.text.split(ascii_pair)[0]
        assert after.token_ids == before.token_ids[: len(after.token_ids)]
        assert (after.finish_reason == "stop") == (ascii_pair in before.text)
    assert any(completion.finish_reason == "stop" for completion in cut)


def test_the_end_token_is_counted_but_not_in_the_text(llama, tokenizer, prompts):
    for (completion,) in TransformersBackend(llama, tokenizer, batch_tokens=5000).generate(prompts, GREEDY):
        ended = completion.token_ids[-1] in llama.generation_config.eos_token_id
        assert completion.finish_reason == ("eos" if ended else "length")
        kept = completion.token_ids[:-1] if ended else completion.token_ids
        assert completion.text == tokenizer.decode(kept, skip_special_tokens=True)
        assert len(completion.logprobs) == len(completion.token_ids)


def test_a_prompt_longer_than_the_model_is_named(llama, tokenizer):
    backend = TransformersBackend(llama, tokenizer, batch_tokens=5000)
    with pytest.raises(GenerationError, match=r"prompt 1 \('xxxx.*has 250 tokens.*256.*shorten the prompt"):
        backend.generate([("short",), ("x" * 250,)], Sampling(max_new_tokens=10))
    with pytest.raises(GenerationError, match=r"prompt 0 .* has no tokens"):
        backend.generate([("",)], GREEDY)


def test_models_without_full_attention_are_refused(tokenizer):
    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(
        vocab_size=300, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1, sliding_window=8,
    )  # fmt: skip
    with pytest.raises(GenerationError, match="not full attention"):
        TransformersBackend(MistralForCausalLM(config), tokenizer, batch_tokens=100)


def test_the_models_mode_is_given_back(llama, tokenizer, prompts):
    llama.train()
    TransformersBackend(llama, tokenizer, batch_tokens=5000).generate(prompts[:1], GREEDY)
    assert llama.training
    llama.eval()


def test_fresh_memory_does_not_reach_the_answers(model, tokenizer, prompts, monkeypatch):
    """Fresh buffers may hold NaN; torch can be told to fill them with it. Prompts are read in several passes."""
    monkeypatch.setattr(prefill, "READ_TOKENS", 1)
    expected = TransformersBackend(model, tokenizer, batch_tokens=4096).generate(prompts, Sampling(max_new_tokens=12))
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        backend = TransformersBackend(model, tokenizer, batch_tokens=4096)
        completions = backend.generate(prompts, Sampling(max_new_tokens=12))
    finally:
        torch.use_deterministic_algorithms(False)
    assert [[completion.text for completion in several] for several in completions] == [
        [completion.text for completion in several] for several in expected
    ]
    assert all(math.isfinite(logprob) for [completion] in completions for logprob in completion.logprobs)


def test_no_prompts_no_completions(llama, tokenizer):
    backend = TransformersBackend(llama, tokenizer, batch_tokens=100)
    assert backend.generate([], GREEDY) == []
    assert backend.score_many([]) == []


def test_weights_hash_sees_one_changed_number(llama):
    before = weights_hash(llama)
    assert weights_hash(llama) == before
    with torch.no_grad():
        llama.model.norm.weight[0] += 1
        assert weights_hash(llama) != before
        llama.model.norm.weight[0] -= 1
