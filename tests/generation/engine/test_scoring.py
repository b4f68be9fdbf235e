from __future__ import annotations

import pytest
import torch

from stepwise.generation.base import GenerationError
from stepwise.generation.engine.scoring import packs
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.tokens import encode, tokenise


def from_scratch(model, tokenizer, prefix, continuation):
    """Token log-probabilities from a forward pass over prefix and continuation alone."""
    head, tail = encode(tokenizer, prefix), tokenise(tokenizer, [continuation])[0]
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            read = torch.tensor([[model.config.decoder_start_token_id, *tail[:-1]]])
            logits = model(input_ids=torch.tensor([head]), decoder_input_ids=read).logits[0]
        else:
            logits = model(torch.tensor([head + tail])).logits[0, len(head) - 1 : -1]
    return logits.log_softmax(-1).gather(-1, torch.tensor(tail)[:, None])[:, 0]


@pytest.fixture(params=["llama", "t5", "opt", "gpt2"])
def model(request):
    return request.getfixturevalue(request.param)


def test_scores_equal_those_from_scratch(model, tokenizer, prompts):
    backend = TransformersBackend(model, tokenizer, batch_tokens=5000)
    continuations = [" 12", " nine and a half", "x", " 12 pears"]
    items = [(prompt, continuations[: 1 + number % 4]) for number, prompt in enumerate(prompts)]
    scores = backend.score_many(items)
    for (prompt, texts), of_item in zip(items, scores, strict=True):
        assert backend.score(prompt, texts)[0] == pytest.approx(of_item[0], abs=1e-4)
        for text, score in zip(texts, of_item, strict=True):
            expected = from_scratch(model, tokenizer, prompt, text)
            torch.testing.assert_close(torch.tensor(score), expected, atol=1e-4, rtol=1e-4)


def test_the_prefix_is_read_once(llama, tokenizer, monkeypatch):
    read = []
    forward = llama.forward
    monkeypatch.setattr(
        llama,
        "forward",
        lambda *args, **kwargs: (read.append(kwargs["input_ids"].numel()), forward(*args, **kwargs))[1],
    )
    TransformersBackend(llama, tokenizer, batch_tokens=5000).score(("p" * 100,), ["abc", "de", "f" * 10])
    assert sum(read) == 100 + 3 + 2 + 10


def test_an_empty_continuation_has_no_scores(model, tokenizer):
    backend = TransformersBackend(model, tokenizer, batch_tokens=5000)
    assert [len(scores) for scores in backend.score(("a",), ["", "bc", ""])] == [0, 2, 0]
    assert backend.score(("a",), []) == []
    assert backend.score(("a",), [""]) == [()]


def test_many_continuations_are_split_behind_their_prefix():
    packed = packs([1, 2], [[3] * 600, [4] * 600, [5] * 10])
    assert [pack.numbers for pack in packed] == [(0,), (1, 2)]
    assert all(pack.prefix == [1, 2] for pack in packed)


def test_too_long_a_continuation_is_named(llama, tokenizer):
    with pytest.raises(GenerationError, match="exceeds the model's 256"):
        TransformersBackend(llama, tokenizer, batch_tokens=5000).score(("p" * 200,), ["x" * 57])
