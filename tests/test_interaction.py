"""Conversations of different lengths: who is asked when, what comes back, and what a second run computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from stepwise.generation import journal as journals
from stepwise.generation.base import Completion, GenerationError, Sampling
from stepwise.generation.scripted import ScriptedBackend
from stepwise.interaction import Request, Speaker, interact
from stepwise.progress import Progress
from stepwise.records import Problem, Prompt


def problem(number: int, question: str) -> Problem:
    return Problem(id=f"p{number}", task="words", split="train", question=question, answer="")


@dataclass(frozen=True)
class Talk:
    """What was said about a problem; the texts in order."""

    problem: Problem
    texts: tuple[str, ...] = ()


class Debate:
    """A generator writes and a critic answers, as many texts in all as the question has letters."""

    def __init__(self, *speakers: str) -> None:
        self.speakers = speakers

    def begin(self, problem: Problem) -> Talk:
        return Talk(problem)

    def request(self, state: Talk) -> Request | None:
        count = len(state.texts)
        if count == len(state.problem.question):
            return None
        prompt = (state.problem.question, "".join(state.texts) or "!")
        return Request(self.speakers[count % len(self.speakers)], prompt, max_new_tokens=2 if count == 1 else 0)

    def receive(self, state: Talk, completion: Completion) -> Talk:
        return Talk(state.problem, (*state.texts, completion.text))


PROBLEMS = [problem(0, "abc"), problem(1, ""), problem(2, "a"), problem(3, "xyzuv")]


def test_every_problem_is_talked_about_at_its_own_pace() -> None:
    generator = ScriptedBackend(lambda prompt, _: f"<{prompt[0]}>")
    critic = ScriptedBackend(lambda prompt, _: "no, it is wrong")
    sampling = Sampling(max_new_tokens=5)
    speakers = {"generator": Speaker(generator, sampling), "critic": Speaker(critic, sampling)}
    talks = interact(PROBLEMS, Debate("generator", "critic"), speakers)
    assert [talk.problem for talk in talks] == PROBLEMS
    assert [talk.texts for talk in talks] == [
        ("<a>", "no", "<a>"),
        (),
        ("<a>",),
        ("<x>", "no", "<x>", "no, i", "<x>"),
    ]
    # rounds: generator abc a xyzuv | critic abc xyzuv | generator abc xyzuv | critic xyzuv | generator xyzuv
    assert generator.prompts == ["abc!", "a!", "xyzuv!", "abc<a>no", "xyzuv<x>no", "xyzuv<x>no<x>no, i"]
    assert critic.prompts == ["abc<a>", "xyzuv<x>", "xyzuv<x>no<x>"]
    assert (generator.calls, critic.calls) == (3, 2)


class Impatient(Debate):
    """Texts about problems with an odd number may be three tokens long."""

    def request(self, state: Talk) -> Request | None:
        if state.texts:
            return None
        return Request("generator", (state.problem.question,), 3 if state.problem.id in ("p1", "p3") else 0)


def test_requests_with_another_limit_are_a_pass_of_their_own() -> None:
    backend = ScriptedBackend(lambda prompt, sample: f"{prompt}{sample}12345")
    speakers = {"generator": Speaker(backend, Sampling(max_new_tokens=5, n=4))}
    talks = interact([problem(n, letter) for n, letter in enumerate("abcd")], Impatient(), speakers)
    assert [talk.texts for talk in talks] == [("a0123",), ("b01",), ("c0123",), ("d01",)]
    assert backend.calls == 2


def test_a_speaker_that_is_missing_is_named() -> None:
    speakers = {"generator": Speaker(ScriptedBackend(lambda *_: "a"), Sampling())}
    with pytest.raises(GenerationError, match=r"asks the critic, .* speakers are generator"):
        interact(PROBLEMS, Debate("generator", "critic"), speakers)


def test_without_problems_nothing_is_asked() -> None:
    assert interact([], Debate("generator"), {}) == []


class Journalled(ScriptedBackend):
    """Keeps every completion in the journal, and counts those that it computes."""

    computed = 0

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, *, journal: Path | None = None
    ) -> list[list[Completion]]:
        def key(prompt: Prompt) -> str:
            return journals.content_key(asdict(sampling), prompt)

        def compute(prompt: Prompt) -> list[dict[str, Any]]:
            self.computed += 1
            return journals.pack(super(Journalled, self).generate([prompt], sampling)[0])

        results = journals.run(journal, prompts, key, compute, Progress("generating", len(prompts)))
        return [journals.unpack(values) for _, values in results]


def test_a_second_run_with_the_same_journal_computes_nothing(tmp_path: Path) -> None:
    def run(journal: Path | None) -> tuple[list[Talk], int]:
        backends = {name: Journalled(lambda prompt, _: f"<{prompt[::-1]}>") for name in ("generator", "critic")}
        speakers = {name: Speaker(backend, Sampling(max_new_tokens=6)) for name, backend in backends.items()}
        talks = interact(PROBLEMS, Debate("generator", "critic"), speakers, journal=journal)
        return talks, sum(backend.computed for backend in backends.values())

    talks, texts = run(tmp_path)
    assert texts == 3 + 1 + 5
    assert {path.name for path in tmp_path.iterdir()} == {"generator.jsonl", "critic.jsonl"}
    assert run(tmp_path) == (talks, 0)
    lines = (tmp_path / "generator.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "generator.jsonl").write_text("".join(lines[:-1]), encoding="utf-8")
    assert run(tmp_path) == (talks, 1)
    assert run(None) == (talks, texts)
