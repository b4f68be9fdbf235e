from __future__ import annotations

import json

import pytest

from stepwise.generation.base import Sampling
from stepwise.generation.journal import Journal, content_key, pack, unpack
from stepwise.generation.transformers_backend import TransformersBackend

SAMPLING = Sampling(max_new_tokens=12, temperature=1.0, n=2, seed=4)


class Counting(TransformersBackend):
    """Counts the batches that are really decoded; may be killed before one of them."""

    computed = 0
    killed_at = -1

    def _decode(self, batch, *rest):
        if self.computed == self.killed_at:
            raise KeyboardInterrupt
        self.computed += 1
        return super()._decode(batch, *rest)


@pytest.fixture
def backend(llama, tokenizer):
    return Counting(llama, tokenizer, batch_tokens=150)


def test_a_killed_pass_goes_on_and_gives_the_same_bytes(backend, llama, tokenizer, prompts, tmp_path):
    undisturbed = backend.generate(prompts, SAMPLING, journal=tmp_path / "whole.jsonl")
    batches = backend.computed
    assert batches > 4
    killed = Counting(llama, tokenizer, batch_tokens=150)
    killed.killed_at = 3
    with pytest.raises(KeyboardInterrupt):
        killed.generate(prompts, SAMPLING, journal=tmp_path / "killed.jsonl")
    again = Counting(llama, tokenizer, batch_tokens=150)
    assert again.generate(prompts, SAMPLING, journal=tmp_path / "killed.jsonl") == undisturbed
    assert again.computed == batches - 3
    assert (tmp_path / "killed.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize("cut", [1, 40])
def test_a_last_line_cut_off_is_removed_and_made_again(backend, llama, tokenizer, prompts, tmp_path, cut, caplog):
    path = tmp_path / "journal.jsonl"
    undisturbed = backend.generate(prompts, SAMPLING, journal=path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    again = Counting(llama, tokenizer, batch_tokens=150)
    assert again.generate(prompts, SAMPLING, journal=path) == undisturbed
    assert again.computed == 1
    assert path.read_bytes() == whole
    assert "cut off" in caplog.text


def test_a_finished_pass_costs_nothing(backend, prompts, tmp_path):
    first = backend.generate(prompts, SAMPLING, journal=tmp_path / "j.jsonl")
    computed = backend.computed
    assert backend.generate(prompts, SAMPLING, journal=tmp_path / "j.jsonl") == first
    assert backend.computed == computed


def test_the_journal_of_another_run_is_not_read(backend, prompts, tmp_path):
    path = tmp_path / "j.jsonl"
    backend.generate(prompts, SAMPLING, journal=path)
    for other in (Sampling(max_new_tokens=12, temperature=1.0, n=2, seed=5), Sampling(max_new_tokens=12, n=2)):
        before = backend.computed
        assert backend.generate(prompts, other, journal=path) == backend.generate(prompts, other)
        assert backend.computed > before + 4


def test_changed_weights_are_another_run(llama, tokenizer, prompts, tmp_path):
    path = tmp_path / "j.jsonl"
    for name in ("a", "b"):
        backend = Counting(llama, tokenizer, batch_tokens=150, fingerprint=name)
        backend.generate(prompts, SAMPLING, journal=path)
        assert backend.computed > 0


def test_scores_are_journaled(llama, tokenizer, prompts, tmp_path, monkeypatch):
    backend = TransformersBackend(llama, tokenizer, batch_tokens=150)
    items = [(prompt, [" 1", " 22"]) for prompt in prompts]
    first = backend.score_many(items, journal=tmp_path / "j.jsonl")
    monkeypatch.setattr(llama, "forward", None)
    assert backend.score_many(items, journal=tmp_path / "j.jsonl") == first


def test_completions_come_back_bit_for_bit(backend, prompts):
    completions = backend.generate(prompts, SAMPLING)[0]
    assert unpack(json.loads(json.dumps(pack(completions)))) == completions


def test_keys_follow_content_and_order():
    assert content_key("a", ["b", "c"]) == content_key("a", ["b", "c"])
    assert len({content_key("a", ["b", "c"]), content_key("a", ["c", "b"]), content_key("ab", ["c"])}) == 3


def test_a_number_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        Journal(tmp_path / "j.jsonl").append("key", [float("nan")])
