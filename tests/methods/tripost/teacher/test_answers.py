"""Answers are generated once, in large batches or many at a time, and none is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwise.generation.base import GenerationError, Sampling
from stepwise.generation.openai_backend import OpenAIBackend
from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.tripost.teacher.answers import Answers
from tests.generation.faulty_server import FAST, Server, serve

PROMPTS = [("the examples\n", f"q{number}?") for number in range(12)]
TEXTS = [f"the examples\nq{number}?!0" for number in range(12)]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STEPWISE_SERVERS", "STEPWISE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def echo() -> ScriptedBackend:
    return ScriptedBackend(lambda prompt, sample: f"{prompt}!{sample}")


def test_an_answer_is_generated_once_and_kept(tmp_path: Path) -> None:
    backend = echo()
    answers = Answers(backend, tmp_path / "a.jsonl")
    assert answers.texts([*PROMPTS, *PROMPTS], Sampling()) == TEXTS * 2
    assert answers.texts(PROMPTS[::-1], Sampling()) == TEXTS[::-1]
    assert (answers.generated, backend.calls, len(backend.prompts)) == (12, 1, 12)
    second = Answers(ScriptedBackend({}), tmp_path / "a.jsonl")
    assert second.texts(PROMPTS, Sampling()) == TEXTS
    assert second.generated == 0
    assert Answers(echo()).texts([], Sampling()) == []


@pytest.mark.parametrize("change", [Sampling(seed=1), Sampling(temperature=0.7), Sampling(stop=("x",))])
def test_another_sampling_is_another_answer(change: Sampling, tmp_path: Path) -> None:
    answers = Answers(echo(), tmp_path / "a.jsonl")
    answers.texts(PROMPTS[:1], Sampling())
    answers.texts(PROMPTS[:1], change)
    assert answers.generated == 2


def test_another_model_and_other_pieces_are_another_answer(tmp_path: Path) -> None:
    Answers(echo(), tmp_path / "a.jsonl", model="a").texts(PROMPTS[:1], Sampling())
    again = Answers(echo(), tmp_path / "a.jsonl", model="a")
    again.texts([PROMPTS[0], ("the examples", "\nq0?")], Sampling())
    assert again.generated == 1
    other = Answers(echo(), tmp_path / "a.jsonl", model="b")
    other.texts(PROMPTS[:1], Sampling())
    assert other.generated == 1


def test_a_killed_pass_resumes_with_whole_batches(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    Answers(echo(), path, batch=5).texts(PROMPTS, Sampling())
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 3
    for kept in range(3):
        for cut in (0, 20):
            path.write_bytes(b"".join(lines[:kept]) + lines[kept][:cut])
            backend = echo()
            assert Answers(backend, path, batch=5).texts(PROMPTS, Sampling()) == TEXTS
            assert path.read_bytes() == whole
            assert backend.prompts == ["".join(prompt) for prompt in PROMPTS[5 * kept :]]


def test_an_answer_at_the_length_limit_loses_its_last_line() -> None:
    answers = Answers(ScriptedBackend(lambda prompt, sample: "one\ntwo\nthree"))
    assert answers.texts([("a",)], Sampling(max_new_tokens=9)) == ["one\ntwo\n"]
    assert answers.texts([("a",)], Sampling(max_new_tokens=8)) == ["one\ntwo\n"]
    assert answers.texts([("a",)], Sampling(max_new_tokens=2)) == [""]
    assert answers.texts([("a",)], Sampling(max_new_tokens=20)) == ["one\ntwo\nthree"]


def test_many_requests_are_under_way_at_once_and_their_number_changes_no_answer(tmp_path: Path) -> None:
    texts = []
    for concurrency in (1, 4):
        server = Server()
        with serve(server) as address:
            backend = OpenAIBackend([address], concurrency=concurrency, timeout=30, **FAST)
            answers = Answers(backend, tmp_path / f"{concurrency}.jsonl")
            texts.append(answers.texts(PROMPTS, Sampling(temperature=0.7, seed=3)))
            assert (answers.generated, len(server.seen)) == (12, 12)
        assert server.most == concurrency if concurrency == 1 else 1 < server.most <= concurrency
    assert texts[0] == texts[1]


def test_a_server_that_misbehaves_for_a_while_changes_nothing(tmp_path: Path) -> None:
    sampling = Sampling(temperature=0.7)
    with serve(Server()) as good, serve(Server(faults=[500, "close", 429, "slow", 503, "nonsense", "slow"])) as bad:
        expected = Answers(OpenAIBackend([good], timeout=30, **FAST)).texts(PROMPTS, sampling)
        answers = Answers(OpenAIBackend([bad], concurrency=4, timeout=30, **FAST), tmp_path / "a.jsonl")
        assert answers.texts(PROMPTS, sampling) == expected


@pytest.mark.parametrize(
    ("fault", "concurrency"), [(500, 4), (500, 1), (429, 4), ("close", 4), ("nonsense", 4), (400, 4), ("slow", 4)]
)
def test_a_server_that_fails_half_way_loses_no_answer(fault: object, concurrency: int, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    server = Server(faults=[None] * 5 + [fault] * 99)
    # a short deadline only where the server hangs, since any answer may miss it on a busy machine
    timeout = 0.4 if fault == "slow" else 30
    with serve(server) as address:
        options = FAST | {"attempts": 2}
        first = Answers(OpenAIBackend([address], concurrency=concurrency, timeout=timeout, **options), path)
        with pytest.raises(
            GenerationError, match=r"of 12 answers arrived before and are kept in .*a\.jsonl"
        ) as failure:
            first.texts(PROMPTS, Sampling())
    assert f"({first.generated} of 12 " in str(failure.value)
    assert first.generated == 5 or fault == "slow"
    server = Server()
    with serve(server) as address:
        answers = Answers(OpenAIBackend([address], concurrency=concurrency, timeout=30, **FAST), path)
        texts = answers.texts(PROMPTS, Sampling())
        assert answers.generated == len(server.seen) == 12 - first.generated
        assert [text.split("!")[0] for text in texts] == ["".join(prompt) for prompt in PROMPTS]


def test_with_the_model_named_a_finished_pass_needs_no_server(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with serve(Server()) as address:
        backend = OpenAIBackend([address], timeout=30, **FAST)
        texts = Answers(backend, path, model="teacher").texts(PROMPTS, Sampling())
    gone = OpenAIBackend(["http://127.0.0.1:9"], timeout=30, **FAST)
    assert Answers(gone, path, model="teacher").texts(PROMPTS, Sampling()) == texts
    with pytest.raises(GenerationError, match="no server answered"):
        Answers(gone, path).texts(PROMPTS, Sampling())
