from __future__ import annotations

import pytest

from stepwise.generation.base import Backend, GenerationError, Sampling
from stepwise.generation.scripted import ScriptedBackend


def test_answers_come_from_a_dict_by_sample():
    backend = ScriptedBackend({"a?": ["one", "two"], "b?": "three"})
    completions = backend.generate([("a", "?"), ("b?",)], Sampling(n=3))
    texts = [[completion.text for completion in samples] for samples in completions]
    assert texts == [["one", "two", "one"], ["three"] * 3]
    assert isinstance(backend, Backend)
    assert (backend.calls, backend.prompts) == (1, ["a?", "b?"])


def test_answers_come_from_a_function_and_end_like_a_models():
    backend = ScriptedBackend(lambda prompt, sample: f"{prompt}{sample}\n\nmore")
    samplings = (Sampling(stop=("\n\n",)), Sampling(max_new_tokens=1))
    stopped, short = (backend.generate([("q",)], sampling)[0][0] for sampling in samplings)
    assert (stopped.text, stopped.finish_reason) == ("q0", "stop")
    assert (short.text, short.finish_reason, len(short.token_ids)) == ("q", "length", 1)


def test_a_prompt_without_an_answer_is_named():
    with pytest.raises(GenerationError, match="no scripted answer for 'what'"):
        ScriptedBackend({}).generate([("what",)], Sampling())


def test_scores():
    backend = ScriptedBackend({}, score=lambda prefix, text: [-float(len(prefix))] * len(text))
    assert backend.score_many([(("ab", "c"), ["xy"]), (("d",), [])]) == [[(-3.0, -3.0)], []]
    assert ScriptedBackend({}).score(("a",), ["xyz"]) == [(-1.0, -1.0, -1.0)]
