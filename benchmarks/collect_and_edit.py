"""Items a second of TriPosT's collecting and editing, against the released code's order of work (chapter: TriPosT).

Plain takes problems in batches of 4, in the given order. Each attempt, feedback and update is a call of transformers'
`generate`, which reads the whole text so far again and lasts until the slowest of the 4 is done; then the trajectories
go through verifier and improver one at a time. Ours is what the stages do: all problems together, a request at a time,
and rows leave the batch as they end. Both sides get the same model, problems, random numbers, limits and teacher, and
`same` counts equal edited trajectories. Neither side's time includes loading the model or writing files.

`real_tokens` is the share of the tokens computed by a round's training on these trajectories that are not padding.

    STEPWISE_CLOCK=cpu python -m benchmarks.collect_and_edit --model models/tripost_1/multistep_arithmetic-tiny
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from benchmarks.inference import add_options, build, now, report
from stepwise.generation.base import Backend, Completion, Sampling
from stepwise.generation.engine.prefill import left_padded
from stepwise.generation.engine.sampling import choose, uniforms
from stepwise.generation.engine.stopping import Stopping
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.tripost.rounds.editing_round import Editor, edit_passes
from stepwise.methods.tripost.rounds.training import make_rows
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.methods.tripost.teacher.teachers import scripted_teacher
from stepwise.methods.tripost.transcript import FEEDBACK_HEADER, update_header
from stepwise.models.card import read_card
from stepwise.params import Params, load
from stepwise.records import EditedTrajectory, Problem, Prompt
from stepwise.tasks.registry import get_task
from stepwise.tokens import encode_many
from stepwise.training.batching import plan_steps, sizes
from stepwise.training.encoding import encode_for

MODEL = "models/tripost_1/multistep_arithmetic-tiny"
BATCH = 4
HEADERS = (FEEDBACK_HEADER, update_header("").rstrip())
"""What ends a turn's call of the plain side."""


@dataclass
class Draft:
    """A completion in progress on the plain side."""

    prompt: list[int]
    chances: torch.Tensor
    """A random number in [0, 1) for each token."""
    tokens: list[int]
    part: int = 0
    """Where the part that is being written starts."""
    done: bool = False


class Drawn(LogitsProcessor):
    """Lets exactly those tokens win that our sampling draws with a draft's random numbers."""

    def __init__(self, drafts: Sequence[Draft], sampling: Sampling, width: int) -> None:
        self.drafts, self.sampling, self.width = drafts, sampling, width

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> Any:
        """Scores [rows, vocabulary], 0 for the drawn token and minus infinity for all others."""
        step = input_ids.shape[1] - self.width
        places = [min(draft.part + step, len(draft.chances) - 1) for draft in self.drafts]
        chance = torch.stack([draft.chances[place] for draft, place in zip(self.drafts, places, strict=True)])
        tokens, _ = choose(scores.float(), self.sampling, chance)
        return torch.full_like(scores, -torch.inf).scatter(-1, tokens[:, None], 0.0)


class PartEnds(StoppingCriteria):
    """Appends each new token to its draft until the part ends: with a header, or where the whole completion does."""

    def __init__(self, drafts: Sequence[Draft], whole: Stopping, headers: Stopping) -> None:
        self.drafts, self.whole, self.headers = drafts, whole, headers
        self.writing = [True] * len(drafts)

    def __call__(self, input_ids: torch.Tensor, *_: Any, **__: Any) -> Any:
        """Which rows [rows] have ended."""
        for row, (draft, token) in enumerate(zip(self.drafts, input_ids[:, -1].tolist(), strict=True)):
            if self.writing[row]:
                draft.tokens.append(token)
                ended = token in self.whole.ends or self.whole.stopped(draft.tokens)
                draft.done = ended or len(draft.tokens) == len(draft.chances)
                self.writing[row] = not draft.done and not self.headers.stopped(draft.tokens[draft.part :])
        return ~torch.tensor(self.writing)


class PlainBackend(TransformersBackend):
    """All prompts of a call as one batch of `model.generate`, read again for every part of a completion."""

    name = "plain"
    calls = 0

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, *, journal: Path | None = None
    ) -> list[list[Completion]]:
        """See Backend; without log-probabilities. Raises ValueError for a journal, as it keeps none."""
        if journal is not None:
            raise ValueError("the plain side keeps no journal")
        whole = Stopping(self.tokenizer, self.ends, sampling.stop)
        headers = Stopping(self.tokenizer, self.ends, HEADERS)
        drafts = [
            Draft(ids, torch.from_numpy(uniforms(sampling.seed, prompt, 0, sampling.max_new_tokens)), [])
            for prompt, ids in zip(prompts, encode_many(self.tokenizer, prompts), strict=True)
        ]
        while writing := [draft for draft in drafts if not draft.done]:
            self.calls += 1
            self._write_part(writing, sampling, PartEnds(writing, whole, headers))
        return [[Completion(whole.text(draft.tokens), tuple(draft.tokens), (), "eos")] for draft in drafts]

    def _write_part(self, drafts: list[Draft], sampling: Sampling, ends: PartEnds) -> None:
        for draft in drafts:
            draft.part = len(draft.tokens)
        ids, mask = left_padded([draft.prompt + draft.tokens for draft in drafts], self._filler, self.model.device)
        with torch.inference_mode():
            self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=max(len(draft.chances) - draft.part for draft in drafts),
                do_sample=False,
                logits_processor=LogitsProcessorList([Drawn(drafts, sampling, ids.shape[1])]),
                stopping_criteria=StoppingCriteriaList([ends]),
                pad_token_id=self._filler,
            )


@dataclass
class Pass:
    """A pass over the problems: what became of each, and the seconds of its two parts."""

    edited: dict[str, EditedTrajectory]
    tokens: int
    turns: int
    collecting: float
    editing: float


def run_pass(
    backend: Backend, setup: TripostSetup, params: Params, problems: Sequence[Problem], *, batch: int, alone: bool
) -> Pass:
    """Collect and edit, `batch` problems at a time; the trajectories are edited `alone` or all of a batch together."""
    editor = Editor(setup.task, *scripted_teacher(setup.task.name), params.tripost_edit.max_updates)
    collecting = params.tripost_collect
    sampling = setup.sampling(
        temperature=collecting.temperature, top_p=collecting.top_p, top_k=collecting.top_k, seed=setup.seed
    )
    by_id = {problem.id: problem for problem in problems}
    result = Pass({}, 0, 0, 0.0, 0.0)
    for start in range(0, len(problems), batch):
        begun = now()
        talks = setup.converse(backend, problems[start : start + batch], sampling)
        records = [talk.to_record() for talk in talks]
        middle = now()
        groups = [[record] for record in records] if alone else [records]
        edited = [each for group in groups for each in edit_passes(group, by_id, editor)]
        result.editing += now() - middle
        result.collecting += middle - begun
        result.edited |= {each.trajectory.problem_id: each for each in edited}
        result.tokens += sum(record.tokens for record in records)
        result.turns += sum(len(record.turns) for record in records)
    return result


def real_tokens(
    model: Any, tokenizer: Any, setup: TripostSetup, params: Params, problems: Sequence[Problem], edited: Pass
) -> float:
    """Share of real tokens, without padding, in what a round's training computes on the rows of this pass."""
    training = params.tripost_training
    trajectories = list(edited.edited.values())
    mixed = make_rows(trajectories, [], problems, setup, training, name="benchmark")
    tuning = training.fine_tuning
    encoded, _ = encode_for(model, tokenizer, [row.example for row in mixed.rows], tuning.max_length)
    plan = plan_steps(len(encoded), epochs=training.epochs, batch=tuning.batch_examples, seed=setup.seed)
    pairs = [sizes([encoded[index] for index in step], tuning.batch_tokens) for step in plan]
    return sum(real for real, _ in pairs) / sum(padded for _, padded in pairs)


def main() -> None:
    """Print a table and, with --out, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.set_defaults(model=MODEL, repeats=3)
    parser.add_argument("--items", type=int, default=100)
    options = parser.parse_args()
    if not Path(options.model).is_dir():
        parser.error(f"{options.model} does not exist; `make repro` trains it, or name the folder of a round's model")
    card, params = read_card(Path(options.model)), load()
    task = get_task(card.task, card.task_params, seed=params.seed)
    setup = replace(TripostSetup.load(params, card.task, card.model), task=task, task_params=card.task_params)
    problems = task.load("train").problems[: options.items]
    model, tokenizer = build(options, [])
    plain_backend = PlainBackend(model, tokenizer, batch_tokens=0)
    ours = TransformersBackend(model, tokenizer, batch_tokens=params.backend.batch_tokens)
    variants = {
        "batches of 4": partial(run_pass, plain_backend, batch=BATCH, alone=True),
        "stepwise": partial(run_pass, ours, batch=len(problems), alone=False),
    }
    passes: dict[str, list[Pass]] = {name: [] for name in variants}
    for turn in range(options.repeats + 1):
        for name, variant in variants.items():  # the first turn is short and warms up
            result = variant(setup, params, problems if turn else problems[:1])
            passes[name] += [result] if turn else []
        plain_backend.calls = plain_backend.calls if turn else 0
    plain, last = (passes[name][-1] for name in variants)
    same = sum(plain.edited.get(problem.id) == last.edited.get(problem.id) for problem in problems)
    figures = {
        "clock": os.environ.get("STEPWISE_CLOCK", "wall"),
        "items": len(problems),
        "turns": last.turns,
        "generated_tokens": last.tokens,
        "calls": plain_backend.calls // options.repeats,
        "kept": sum(bool(each.outcome) for each in last.edited.values()),
        "editing_share": {name: round(runs[-1].editing / seconds(runs[-1]), 4) for name, runs in passes.items()},
        "real_tokens": round(real_tokens(model, tokenizer, setup, params, problems, last), 3),
    }
    rates = {name: [len(problems) / seconds(run) for run in runs] for name, runs in passes.items()}
    report(options, "items/s", rates, "stepwise", figures, {"batches of 4": f"{same}/{len(problems)}"})


def seconds(run: Pass) -> float:
    """Of both parts."""
    return run.collecting + run.editing


if __name__ == "__main__":
    main()
