"""The openai backend against a server that can be told to misbehave."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from stepwise.generation import make_backend
from stepwise.generation.base import Backend, GenerationError, Sampling
from stepwise.generation.openai_backend import OpenAIBackend
from stepwise.params import BackendParams
from tests.generation.faulty_server import BODIES, FAST, Server, serve


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("STEPWISE_SERVERS", "STEPWISE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


PROMPTS = [(f"q{number}", "?") for number in range(12)]


def test_completions_in_order_with_bounded_concurrency():
    server = Server()
    with serve(server) as address:
        backend = OpenAIBackend([address], concurrency=3, timeout=5, **FAST)
        completions = backend.generate(PROMPTS, Sampling(n=2, seed=7, temperature=1.0))
    assert isinstance(backend, Backend)
    assert [samples[0].text.split("!")[0] for samples in completions] == ["".join(prompt) for prompt in PROMPTS]
    first = completions[0][0]
    assert (first.token_ids, first.logprobs, first.finish_reason) == ((1, 2), (-0.5, -0.25), "eos")
    assert len({payload["seed"] for payload in server.seen}) == 24
    assert 1 < server.most <= 3


def test_misbehaviour_changes_nothing():
    sampling = Sampling(n=2, seed=7, temperature=1.0)
    with serve(Server()) as good, serve(Server(faults=[500, "close", 429, "slow", 503, "close", "slow"])) as bad:
        expected = OpenAIBackend([good], concurrency=4, timeout=5, **FAST).generate(PROMPTS, sampling)
        completions = OpenAIBackend([good, bad], concurrency=4, timeout=0.3, **FAST).generate(PROMPTS, sampling)
        assert OpenAIBackend([bad], concurrency=4, timeout=0.3, **FAST).generate(PROMPTS, sampling) == expected
    assert completions == expected


@pytest.mark.parametrize("fault", BODIES)
def test_an_answer_that_does_not_follow_the_protocol_is_a_failure(fault):
    with serve(Server(faults=[fault])) as address:
        backend = OpenAIBackend([address], timeout=5, **FAST)
        assert backend.generate([("a",)], Sampling())[0][0].text.startswith("a!")
    with serve(Server(faults=[fault] * 9)) as address, pytest.raises(GenerationError, match="no completion after 4"):
        OpenAIBackend([address], timeout=5, **FAST).generate([("a",)], Sampling())


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("0.5", 0.5), ("9999", 120.0), ("-3", 0.0), ("soon", 0.0)])
def test_a_server_gets_the_pause_that_it_asks_for(value, seconds, monkeypatch):
    pauses = []
    monkeypatch.setattr("stepwise.generation.openai_client.time.sleep", pauses.append)
    with serve(Server(faults=[429, "close", 503], retry_after=value)) as address:
        OpenAIBackend([address], timeout=5, **FAST).generate([("a",)], Sampling())
    assert len([pause for pause in pauses if pause >= 0.2]) == (2 if seconds else 0)
    assert max(pauses) == seconds or not seconds


def test_the_pause_may_end_at_a_date(monkeypatch):
    pauses = []
    monkeypatch.setattr("stepwise.generation.openai_client.time.sleep", pauses.append)
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    with serve(Server(faults=[429], retry_after=date)) as address:
        OpenAIBackend([address], timeout=5, **FAST).generate([("a",)], Sampling())
    assert 50 < max(pauses) <= 60


def test_giving_up_names_server_cause_and_remedy():
    with serve(Server(faults=[500] * 9)) as address:
        backend = OpenAIBackend([address], timeout=5, **FAST)
        with pytest.raises(GenerationError, match=rf"after 4 attempts \({address}: HTTP 500.*told to fail.*log"):
            backend.generate([("a",)], Sampling())


def test_a_refused_request_is_not_repeated():
    server = Server(faults=[400])
    with serve(server) as address, pytest.raises(GenerationError, match=r"refuses the request .*HTTP 400"):
        OpenAIBackend([address], timeout=5, **FAST).generate([("a",)], Sampling())
    assert len(server.seen) == 1


def test_no_server_up_is_named_after_the_deadline():
    begun = time.monotonic()
    with pytest.raises(GenerationError, match=r"no server answered within 0 s: http://127.0.0.1:9 "):
        OpenAIBackend(["http://127.0.0.1:9/v1"], timeout=5, **FAST).generate([("a",)], Sampling())
    assert time.monotonic() - begun < 5


def test_a_server_that_is_down_is_left_out():
    with serve(Server()) as address:
        backend = OpenAIBackend(["http://127.0.0.1:9", address], timeout=5, **FAST)
        assert len(backend.generate(PROMPTS, Sampling())) == 12


def test_addresses_and_key_come_from_the_environment(monkeypatch):
    server = Server()
    with serve(server) as address:
        monkeypatch.setenv("STEPWISE_SERVERS", f" {address}/v1 ,")
        monkeypatch.setenv("STEPWISE_API_KEY", "k")
        backend = make_backend(BackendParams(kind="openai", addresses=["http://127.0.0.1:9"]), load=lambda: (0, 0))
        backend.generate([("a",)], Sampling())
    assert server.headers[0]["Authorization"] == "Bearer k"
    monkeypatch.delenv("STEPWISE_SERVERS")
    with pytest.raises(GenerationError, match=r"no server; set its addresses in params\.yaml or STEPWISE_SERVERS"):
        OpenAIBackend([])


def test_servers_of_different_models_are_refused():
    refused = pytest.raises(GenerationError, match="different models: m, n")
    with serve(Server(model="m")) as first, serve(Server(model="n")) as second, refused:
        OpenAIBackend([first, second], timeout=5, **FAST).generate([("a",)], Sampling())


def test_how_a_completion_ended_and_what_is_sent():
    server = Server()
    with serve(server) as address:
        backend = OpenAIBackend([address], timeout=5, **FAST)
        assert backend.generate([("a",)], Sampling(1))[0][0].finish_reason == "length"
        assert backend.generate([("a",)], Sampling(stop=("\n",), top_k=5))[0][0].finish_reason == "stop"
    assert (server.seen[1]["stop"], server.seen[1]["top_k"], server.seen[1]["return_token_ids"]) == (["\n"], 5, True)


def test_additions_to_the_protocol_only_where_known():
    server = Server(owner="someone")
    with serve(server) as address:
        backend = OpenAIBackend([address], timeout=5, **FAST)
        with pytest.raises(GenerationError, match="may not know top_k"):
            backend.generate([("a",)], Sampling(top_k=5))
        backend.generate([("a",)], Sampling())
    assert "return_token_ids" not in server.seen[0]


def test_scores_come_from_the_echo():
    with serve(Server()) as address:
        backend = OpenAIBackend([address], timeout=5, **FAST)
        assert backend.score_many([(("abcd",), ["xxxx", "", "yy"]), (("ab",), ["x"])]) == [
            [(-4.0, -6.0), (), (-4.0,)],
            [(-2.0,)],
        ]
        with pytest.raises(GenerationError, match="a token spans the border between 'abc' and 'xx'"):
            backend.score(("abc",), ["xx"])
        with pytest.raises(GenerationError, match="pass a prefix"):
            backend.score(("",), ["xx"])


def test_a_first_token_that_the_text_does_not_show_moves_nothing():
    with serve(Server(first=["<s>"])) as address:
        backend = OpenAIBackend([address], timeout=5, **FAST)
        assert backend.score(("abcd",), ["xxxx"]) == [(-4.0, -6.0)]
        assert backend.score(("",), ["xx"]) == [(-0.0,)]


def test_a_server_that_does_not_echo_cannot_score():
    with serve(Server(echoes=False)) as address, pytest.raises(GenerationError, match="does not echo prompts"):
        OpenAIBackend([address], timeout=5, **FAST).score(("ab",), ["x"])


def test_a_pass_goes_on_from_its_journal(tmp_path):
    path = tmp_path / "j.jsonl"
    with serve(Server()) as address:
        whole = OpenAIBackend([address], concurrency=1, timeout=5, **FAST).generate(PROMPTS, Sampling(), journal=path)
    whole_bytes = path.read_bytes()
    path.write_bytes(b"".join(whole_bytes.splitlines(keepends=True)[:2]))
    server = Server()
    with serve(server) as address:
        backend = OpenAIBackend([address], concurrency=1, timeout=5, **FAST)
        assert backend.generate(PROMPTS, Sampling(), journal=path) == whole
    assert len(server.seen) == 4
    assert path.read_bytes() == whole_bytes
