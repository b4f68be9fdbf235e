from __future__ import annotations

import pytest
import torch

from stepwise.generation.base import GenerationError
from stepwise.generation.engine.stopping import Stopping
from stepwise.generation.scripted import ScriptedBackend
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.rationalyst.shared_prefix import Forks, forkable

TEXTS = [list(b"Ann has 3 apples. She eats one."), list(b"Bob sings."), list(b"2 + 2 = 4, then 4 + 1 = 5.")]
PREFIX = list(b"Read this: ")


def from_scratch(model, before, tail):
    """Log-probabilities of `tail` after `before`, in one plain pass."""
    with torch.no_grad():
        logits = model(torch.tensor([[*before, *tail]])).logits[0, len(before) - 1 : -1]
    return logits.log_softmax(-1).gather(-1, torch.tensor(tail)[:, None])[:, 0].tolist()


@pytest.fixture(params=["llama", "gpt2", "opt"])
def model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.mark.parametrize("prefix", [[], PREFIX])
def test_texts_read_together_score_as_each_alone(model, prefix):
    forks = Forks(model, TEXTS, prefix=prefix, room=0)
    logprobs = forks.read([range(4, len(text)) for text in TEXTS])
    for text, scores in zip(TEXTS, logprobs, strict=True):
        assert scores == pytest.approx(from_scratch(model, prefix + text[:4], text[4:]), abs=1e-4)
    assert forks.tokens == len(prefix) + sum(map(len, TEXTS)), "the prefix is read once for all"


def test_after_a_prefix_the_first_token_has_a_score_too(llama):
    logprobs = Forks(llama, TEXTS, prefix=PREFIX, room=0).read([range(2), range(0), range(1, 2)])
    first = from_scratch(llama, PREFIX, TEXTS[0][:2])
    assert logprobs[0] == pytest.approx(first, abs=1e-4)
    assert [len(scores) for scores in logprobs] == [2, 0, 1]
    assert len(Forks(llama, TEXTS, room=0).read([range(2)] * 3)[0]) == 1, "without a prefix token 0 has no context"


@pytest.mark.parametrize("prefix", [[], PREFIX])
def test_a_branch_scores_as_if_nothing_else_followed(model, prefix):
    forks = Forks(model, TEXTS, prefix=prefix, room=60)
    forks.read()
    for _ in range(2):  # a rewind restores the initial state
        places = [(0, 5), (0, 17), (2, 10), (0, len(TEXTS[0]))]
        branches = [forks.branch(row, border) for row, border in places]
        heads = [list(b" [n]"), list(b" x"), list(b"["), list(b" [other]")]
        tails = [TEXTS[0][5:12], TEXTS[0][17:], list(b"zz"), []]
        logprobs = forks.score(branches, heads, tails)
        for (row, border), head, tail, scores in zip(places, heads, tails, logprobs, strict=True):
            expected = from_scratch(model, prefix + TEXTS[row][:border] + head, tail) if tail else []
            assert scores == pytest.approx(expected, abs=1e-4)
        forks.rewind()


def test_a_branch_that_grows_in_parts_scores_as_one_that_grows_at_once(llama):
    forks = Forks(llama, TEXTS, room=30)
    forks.read()
    whole = forks.score([forks.branch(1, 4)], [list(b"abc")], [list(b"def")])
    forks.rewind()
    branch, other = forks.branch(1, 4), forks.branch(1, 7)
    forks.score([branch, other], [list(b"a"), list(b"qqq")], [[], []])
    forks.score([other], [list(b"r")], [list(b"s")])
    assert forks.score([branch], [list(b"bc")], [list(b"def")])[0] == pytest.approx(whole[0], abs=1e-4)


def test_a_branch_writes_what_plain_decoding_writes(model, tokenizer):
    stopping = Stopping(tokenizer, frozenset(model.generation_config.eos_token_id), ())
    forks = Forks(model, TEXTS, prefix=PREFIX, room=3 * (3 + 12))
    forks.read()
    places = [(0, 5), (1, 3), (0, 20), (2, 1), (0, 30)]
    opening = list(b" A:")
    branches = [forks.branch(row, border) for row, border in places]
    written = forks.write(branches, [opening] * len(places), stopping, 12)
    assert len({len(tokens) for tokens in written}) > 1, "branches end at different steps"
    for (row, border), tokens in zip(places, written, strict=True):
        read = PREFIX + TEXTS[row][:border] + opening
        for token in tokens:
            assert token == int(model(torch.tensor([read])).logits[0, -1].argmax())
            read.append(token)
        assert len(tokens) == 12 or tokens[-1] in stopping.ends


def test_only_a_causal_model_in_this_process_has_forks(llama, tokenizer, t5):
    assert forkable(TransformersBackend(llama, tokenizer, batch_tokens=10))
    assert not forkable(TransformersBackend(t5, tokenizer, batch_tokens=10))
    assert not forkable(ScriptedBackend({}))


def test_what_does_not_fit_the_model_is_named(llama):
    with pytest.raises(GenerationError, match=r"a text of 250 tokens after 11 of the prompt exceeds .* 256"):
        Forks(llama, [[5] * 250], prefix=PREFIX, room=10)
    forks = Forks(llama, [[5] * 250], room=20)
    forks.read()
    with pytest.raises(GenerationError, match=r"reaches token 258, beyond the model's context of 256"):
        forks.score([forks.branch(0, 250)], [[6] * 8], [[]])
