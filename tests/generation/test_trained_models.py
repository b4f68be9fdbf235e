"""Generation by the shipped models: what they have learned shows faults of position and masking that noise hides."""

from pathlib import Path

import pytest
import torch

from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.models.loading import load_model
from stepwise.pretraining.text import base_examples
from stepwise.tokens import encode

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
NEW_TOKENS = 100


@pytest.fixture(scope="module", params=["tiny", "tiny-t5"])
def trained(request):
    return load_model(CHECKPOINTS / request.param)


@pytest.fixture(scope="module")
def examples():
    """Copies and letters, of many lengths, that no model was trained on: another seed."""
    return [example for example in base_examples(150, seed=77) if example.id.split("-")[1] in ("copies", "letters")]


@pytest.fixture(scope="module")
def completions(trained, examples):
    prompts = [(example.spans[0].text,) for example in examples]
    backend = TransformersBackend(*trained, batch_tokens=2000)
    return [samples[0] for samples in backend.generate(prompts, Sampling(max_new_tokens=NEW_TOKENS))]


def test_greedy_tokens_equal_those_of_plain_generate(trained, examples, completions):
    model, tokenizer = trained
    for example, completion in list(zip(examples, completions, strict=True))[:8]:
        ids = torch.tensor([encode(tokenizer, (example.spans[0].text,))])
        mask = torch.ones_like(ids)
        with torch.no_grad():
            out = model.generate(ids, attention_mask=mask, max_new_tokens=NEW_TOKENS, do_sample=False)[0]
        begin = 1 if model.config.is_encoder_decoder else ids.shape[1]
        assert completion.token_ids == tuple(out[begin:].tolist())


def test_most_lists_are_copied_without_a_fault(examples, completions):
    """A list is copied plain or quoted, as the model likes; the items must be the same."""
    pairs = [
        [text.replace('"', "").replace(",", "") for text in (example.spans[1].text, completion.text)]
        for example, completion in zip(examples, completions, strict=True)
        if "-copies-" in example.id
    ]
    assert len(pairs) > 8
    assert sum(expected == text for expected, text in pairs) > 0.6 * len(pairs)


def test_scores_of_greedy_tokens_are_their_chances(trained, examples, completions):
    backend = TransformersBackend(*trained, batch_tokens=2000)
    prompts = [(example.spans[0].text,) for example in examples[:6]]
    items = [(prompt, [completion.text]) for prompt, completion in zip(prompts, completions, strict=False)]
    for (scores,), completion in zip(backend.score_many(items), completions, strict=False):
        expected = completion.logprobs[: len(scores)]
        assert scores == pytest.approx(expected, abs=1e-3)
