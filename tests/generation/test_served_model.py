"""The openai backend against a real model behind HTTP: the text of the local backend, and a server that is killed."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from stepwise.generation.base import GenerationError, Sampling
from stepwise.generation.openai_backend import OpenAIBackend
from stepwise.generation.transformers_backend import TransformersBackend
from tests.generation.serving import Process
from tests.kills import kill_point_generator

pytestmark = pytest.mark.slow
FAST = {"attempts": 3, "pause": 0.01, "ready_seconds": 0.3, "timeout": 20}


@pytest.fixture(scope="module")
def server(llama, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    llama.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = Process(folder / "model", port, folder / "log")
    process.start()
    yield process
    process.kill()


@pytest.fixture
def local(llama, tokenizer):
    return TransformersBackend(llama, tokenizer, batch_tokens=2000)


def served(server, concurrency=2):
    return OpenAIBackend([server.address], concurrency=concurrency, **FAST)


def same(ours, theirs):
    for (our,), (their,) in zip(ours, theirs, strict=True):
        assert (our.text, our.token_ids, our.finish_reason) == (their.text, their.token_ids, their.finish_reason)
        assert our.logprobs == pytest.approx(their.logprobs, abs=1e-3)


def test_greedy_text_is_that_of_the_local_backend(server, local, prompts):
    sampling = Sampling(max_new_tokens=24)
    completions = local.generate(prompts, sampling)
    same(served(server).generate(prompts, sampling), completions)
    assert {completion.finish_reason for (completion,) in completions} == {"eos", "length"}
    texts = [completion.text[2:8] for (completion,) in completions]
    plain = sorted({char for text in texts for char in text if char.isascii() and char.isprintable()})
    stop = Sampling(max_new_tokens=24, stop=tuple(plain[:3]))
    stopped = local.generate(prompts, stop)
    same(served(server).generate(prompts, stop), stopped)
    assert "stop" in {completion.finish_reason for (completion,) in stopped}


def test_samples_depend_on_their_seed_alone(server, prompts):
    sampling = Sampling(max_new_tokens=8, temperature=1.0, n=3, seed=5)
    completions = served(server).generate(prompts[:4], sampling)
    assert served(server, concurrency=4).generate(prompts[:4][::-1], sampling)[::-1] == completions
    assert any(len({completion.text for completion in several}) > 1 for several in completions)


def test_scores_are_those_of_the_local_backend(server, local):
    items = [(("2+2=",), ["4", "five", ""]), (("Ann has ", "3 "), ["apples.", "pears"])]
    for ours, theirs in zip(served(server).score_many(items), local.score_many(items), strict=True):
        assert [pytest.approx(scores, abs=1e-3) for scores in theirs] == ours


def test_a_text_whose_tokens_are_parts_of_characters_is_refused(server):
    with pytest.raises(GenerationError, match="do not spell"):
        served(server).score(("2+2=",), ["\u00e9"])


def test_a_prompt_that_is_too_long_is_refused_with_the_servers_words(server):
    with pytest.raises(
        GenerationError, match=r"refuses the request .*context length of 256 tokens.*shorten the prompt"
    ):
        served(server).generate([("x" * 300,)], Sampling())


def test_a_pass_goes_on_when_the_server_was_killed_and_is_back(server, prompts, tmp_path):
    """Entries of 4 requests, for 26 requests; the last test, because it leaves a second server behind."""
    sampling = Sampling(max_new_tokens=16, temperature=1.0, n=2, seed=3)
    served(server, concurrency=1).generate(prompts, sampling, journal=tmp_path / "whole")
    journal, raised = tmp_path / "journal", []
    wanted = kill_point_generator().randint(1, 4)

    def work():
        try:
            served(server, concurrency=1).generate(prompts, sampling, journal=journal)
        except GenerationError as error:
            raised.append(str(error))

    def entries():
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    begun = len(server.answered())
    running = threading.Thread(target=work)
    running.start()
    while entries() < wanted:
        assert running.is_alive()
        time.sleep(0.005)
    server.kill()
    running.join()
    assert raised
    assert server.address in raised[0]
    known = journal.read_bytes()
    assert wanted <= entries() < 7
    with pytest.raises(GenerationError, match=rf"no server answered within 0 s: {server.address} .*start one"):
        served(server).generate(prompts, sampling, journal=journal)
    assert journal.read_bytes() == known
    answered = server.answered()[begun:][: 4 * entries()]
    server.start()
    again = len(server.answered())
    served(server, concurrency=1).generate(prompts, sampling, journal=journal)
    assert journal.read_bytes() == (tmp_path / "whole").read_bytes()
    assert len(server.answered()[again:]) == 26 - len(answered)
    repeated = [request for request in server.answered()[again:] if request in answered]
    assert not repeated, "a request that the journal has was sent again"
