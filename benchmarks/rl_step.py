"""Seconds of a reinforcement step of ReFT (32 questions) against a plain version in the released code's order of work.

Plain does one after another what the released run does on its GPUs, 4 questions at a time: transformers' generate, a
fresh pool of 8 processes for checking, passes of the old policy, of the reference and of the update, padded to the
longest sequence of the step, with logits over whole sequences. Both sides get the same model, questions, type, threads,
optimiser settings and longest completion, and use the same PPO functions. Each runs in a process of its own, which
gives its peak memory. Neither executes a program itself: both hand programs to the sandbox's interpreter.

Where the gain comes from: all questions decode together, and rows leave the batch as they end; programs are checked in
a warm pool while the passes run; a pass has hardly any padding and computes logits of actions only. `one pass` is our
side with the whole step in one pass: the first update then needs no pass of the old policy, but more memory than plain.

What could still be gained: `ceiling` says how many times faster than plain a step would be (1) if generation and
checking cost nothing, (2) if only the linear layers of the reference and the updates were computed, and (3) if it
generated as it does now and otherwise computed only these layers. `--matmul medium` lets both sides multiply with
oneDNN instead of MKL, which is twice as fast on an AMD processor with AVX-512 where shapes recur; here they seldom do.

    STEPWISE_CLOCK=cpu python -m benchmarks.rl_step --model models/warm_up/word_problems-tiny --out FILE
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import Linear

from benchmarks.inference import add_options, build, now
from stepwise.methods.reft.rewards import checked_answers, score
from stepwise.models.loading import load_model
from stepwise.models.value_head import ValueHead
from stepwise.params import TaskParams
from stepwise.params.reft import ReftParams
from stepwise.records import Problem, Verdict, write_json
from stepwise.rl import ppo, rollout
from stepwise.rl.actor_critic import ActorCritic
from stepwise.rl.ppo_trainer import PpoTrainer
from stepwise.rl.setup import RlSetup
from stepwise.tasks.base import Task
from stepwise.tasks.registry import get_task
from stepwise.tokens import encode

FORM = TaskParams(form="p_cot", train=400)
PARTS = ("generation", "checking", "forwards", "updates")
SIDES = {"plain": 0, "stepwise": ReftParams().batch_tokens, "one pass": 8192}
"""What is measured, and the most tokens in a pass with gradients."""
REPEATS = 5
"""Repetitions of the products of linear layers."""
BATCH, WORKERS = 4, 8
"""Of the plain version: sequences in a pass (a GPU's share in the released runs), and processes in its pool."""


class Plain:
    """The released order of work on one process."""

    def __init__(
        self, model: Any, reference: Any, tokenizer: Any, task: Task, params: ReftParams, longest: int
    ) -> None:
        self.model, self.reference, self.tokenizer, self.task = model, reference, tokenizer, task
        self.params, self.longest = params, longest
        self.head = ValueHead(model.config.hidden_size)
        self.learned = [*model.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.AdamW(self.learned, lr=params.learning_rate, weight_decay=0.0)
        self.seconds: dict[str, float] = defaultdict(float)
        self.tokens = 0

    def step(self, problems: list[Problem]) -> None:
        """One step."""
        prompts = [encode(self.tokenizer, self.task.prompt(problem)) for problem in problems]
        actions: list[list[int]] = []
        verdicts: list[Verdict] = []
        for start in range(0, len(prompts), BATCH):
            with self.clock("generation"):
                completions = self.generate(prompts[start : start + BATCH])
            with self.clock("checking"):
                texts = [self.tokenizer.decode(ids, skip_special_tokens=True) for ids in completions]
                verdicts += self.check(problems[start : start + BATCH], texts)
            actions += completions
        self.tokens += sum(map(len, actions))
        scores = torch.tensor([score(verdict, self.params.partial_reward) for verdict in verdicts])
        ids, attention, mask = self.padded(prompts, actions)
        with self.clock("forwards"), torch.no_grad():
            old, values = self.all_passes(self.model, ids, attention)
            reference, _ = self.all_passes(self.reference, ids, attention)
        rewards = ppo.token_rewards(scores, old, reference, mask, self.params.kl_coefficient)
        advantages, returns = ppo.advantages_and_returns(
            rewards, values, mask, gamma=self.params.gamma, gae_lambda=self.params.gae_lambda
        )
        advantages = ppo.whiten(advantages, mask)
        with self.clock("updates"):
            for _ in range(self.params.inner_epochs):
                self.update(ids, attention, mask, old, values * mask, advantages, returns)

    def generate(self, prompts: list[list[int]]) -> list[list[int]]:
        """Completions of one batch, left-padded, up to their EOS."""
        width = max(map(len, prompts))
        ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
        attention = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        with torch.no_grad():
            sequences = self.model.generate(
                input_ids=ids, attention_mask=attention, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                max_new_tokens=self.longest, pad_token_id=self.tokenizer.pad_token_id,
            )  # fmt: skip
        rows = sequences[:, width:].tolist()
        end = self.tokenizer.eos_token_id
        return [row[: row.index(end) + 1] if end in row else row for row in rows]

    def check(self, problems: list[Problem], texts: list[str]) -> list[Verdict]:
        """Verdicts from a pool of processes that is created for this call."""
        with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
            verdicts = pool.map(check, list(zip(itertools.repeat(self.task), problems, texts, strict=False)))
            pool.close()
            pool.join()
        return verdicts

    def padded(self, prompts: list[list[int]], actions: list[list[int]]) -> tuple[Tensor, Tensor, Tensor]:
        """Ids and attention with prompts to the left and completions to the right, and the mask of states that act."""
        left, right = max(map(len, prompts)), max(map(len, actions))
        ids, attention, mask = [], [], []
        for prompt, taken in zip(prompts, actions, strict=True):
            before, after = [0] * (left - len(prompt)), [0] * (right - len(taken))
            ids.append(before + prompt + taken + after)
            attention.append(before + [1] * (len(prompt) + len(taken)) + after)
            mask.append([0.0] * (left - 1) + [1.0] * len(taken) + [0.0] * len(after))
        return torch.tensor(ids), torch.tensor(attention), torch.tensor(mask)

    def forward(self, model: Any, ids: Tensor, attention: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability of every next token and value of every state, (sequences, length - 1)."""
        positions = (attention.cumsum(1) - 1).clamp(min=0)
        out = model(
            input_ids=ids, attention_mask=attention, position_ids=positions, use_cache=False, output_hidden_states=True
        )
        logprobs = out.logits.float()[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
        return logprobs, self.head(out.hidden_states[-1])[:, :-1]

    def all_passes(self, model: Any, ids: Tensor, attention: Tensor) -> tuple[Tensor, Tensor]:
        """`forward` of all sequences, a few at a time."""
        pieces = zip(torch.split(ids, BATCH), torch.split(attention, BATCH), strict=True)
        outputs = [self.forward(model, *piece) for piece in pieces]
        return torch.cat([logprobs for logprobs, _ in outputs]), torch.cat([values for _, values in outputs])

    def update(self, ids: Tensor, attention: Tensor, *experience: Tensor) -> None:
        """One optimiser step, gradients of a few sequences at a time."""
        params = self.params
        for start in range(0, len(ids), BATCH):
            rows = slice(start, start + BATCH)
            mask, old, values, advantages, returns = (tensor[rows] for tensor in experience)
            new, new_values = self.forward(self.model, ids[rows], attention[rows])
            loss = ppo.policy_loss(new, old, advantages, mask, params.clip_ratio)
            loss = loss + params.value_coefficient * ppo.value_loss(
                new_values, values, returns, mask, params.clip_value
            )
            torch.autograd.backward(loss.sum() / len(ids))
        torch.nn.utils.clip_grad_norm_(self.learned, params.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()

    @contextmanager
    def clock(self, part: str) -> Iterator[None]:
        """Add the block's time to a part."""
        start = now()
        yield
        self.seconds[part] += now() - start


def check(item: tuple[Task, Problem, str]) -> Verdict:
    """Check one completion, in a worker of the plain version's pool."""
    task, problem, text = item
    return task.check(problem, [text])[0]


def ours(options: argparse.Namespace, task: Task, problems: dict[str, Problem]) -> dict[str, Any]:
    """Seconds a step with our trainer."""
    model, tokenizer = build(options, [])
    actor = ActorCritic(model)
    params = ReftParams(steps=options.steps + 1, prompts=options.prompts, saves=1, batch_tokens=SIDES[options.side])
    prompts = {name: task.prompt(problem) for name, problem in problems.items()}
    tokens: list[int] = []
    with tempfile.TemporaryDirectory() as work:
        setup = RlSetup(seed=1, work=Path(work), out=Path(work) / "model", max_new_tokens=options.longest)
        reference, _ = load_model(options.model, options.dtype)
        reward = checked_answers(task, problems, params.partial_reward)
        trainer = PpoTrainer(actor, reference, tokenizer, prompts, reward, params, setup)
        start = peak()
        with patch("time.perf_counter", now):  # the trainer's parts by the same clock
            trainer._step(1)
            trainer.seconds = dict.fromkeys(trainer.seconds, 0.0)
            first = now()
            for number in range(2, options.steps + 2):
                row = trainer._step(number)
                tokens.append(round(row["response_tokens"] * options.prompts))
            total = now() - first
    seconds = {"checking" if part == "checking_alone" else part: value for part, value in trainer.seconds.items()}
    figures = result(options, seconds, total, sum(tokens), start)
    extra, count = trainer.state.extra, options.steps + 1
    read, actions = extra["trained_tokens"] / params.inner_epochs / count, extra["generated_tokens"] / count
    return figures | {"products": products(model, round(read), round(actions), params)}


def products(model: Any, read: int, actions: int, params: ReftParams) -> float:
    """Seconds of the fewest matrix products that a step's passes need, and nothing else.

    Every linear layer multiplies `read` tokens (the output layer `actions`) once for the reference and three times per
    update, forward and for both gradients, in passes of the step's size; the first update's forward also serves as the
    old policy's. The products of attention are left out, so the resulting speed cannot quite be reached.
    """
    head = model.get_output_embeddings()
    linear = [module for module in model.modules() if isinstance(module, Linear)]
    layers = [(module.weight, actions if module is head else read) for module in linear]

    def multiply(backward: bool) -> None:
        for weight, tokens in layers:
            for start in range(0, tokens, params.batch_tokens):
                rows = min(params.batch_tokens, tokens - start)
                inputs, gradients = inputs_of[weight.shape[1]][:rows], inputs_of[weight.shape[0]][:rows]
                inputs @ weight.T
                if backward:
                    gradients @ weight
                    gradients.T @ inputs

    with torch.no_grad():
        widths = {width for weight, _ in layers for width in weight.shape}
        inputs_of = {
            width: torch.ones(min(read, params.batch_tokens), width, dtype=head.weight.dtype) for width in widths
        }
        multiply(backward=True)
        start = now()
        for _ in range(REPEATS):
            multiply(backward=False)
            for _ in range(params.inner_epochs):
                multiply(backward=True)
    return round((now() - start) / REPEATS, 4)


def plain(options: argparse.Namespace, task: Task, problems: dict[str, Problem]) -> dict[str, Any]:
    """Seconds a step of the plain version, on the same questions."""
    model, tokenizer = build(options, [])
    params = ReftParams(steps=options.steps + 1, prompts=options.prompts)
    side = Plain(model, load_model(options.model, options.dtype)[0], tokenizer, task, params, options.longest)
    steps = [[problems[name] for name in step] for step in rollout.plan(list(problems), params, 1)]
    torch.manual_seed(0)
    memory = peak()
    side.step(steps[0])
    side.seconds.clear()
    side.tokens = 0
    start = now()
    for step in steps[1:]:
        side.step(step)
    return result(options, dict(side.seconds), now() - start, side.tokens, memory)


def peak() -> float:
    """Peak memory of this process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def result(
    options: argparse.Namespace, seconds: dict[str, float], total: float, tokens: int, start: float
) -> dict[str, Any]:
    """Figures of one side, per step."""
    return {
        **{part: round(seconds[part] / options.steps, 4) for part in PARTS},
        "step": round(total / options.steps, 4),
        "tokens": round(tokens / options.steps, 1),
        "tokens_per_second": round(tokens / total, 1),
        "peak_mib": round(peak(), 1),
        "peak_above_start_mib": round(peak() - start, 1),
    }


def main() -> None:
    """Run both sides, print a table and, with --out, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.set_defaults(model="checkpoints/tiny", repeats=1)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--longest", type=int, default=160)
    parser.add_argument("--steps", type=int, default=3, help="measured steps; one before them warms up")
    parser.add_argument("--matmul", choices=("highest", "medium"), default="highest", help="torch's float32 products")
    parser.add_argument("--side", choices=SIDES, help="run one side alone and print JSON")
    options = parser.parse_args()
    torch.set_float32_matmul_precision(options.matmul)
    if options.side:
        task = get_task("word_problems", FORM, seed=1)
        problems = {problem.id: problem for problem in task.load("train").problems}
        print(json.dumps((plain if options.side == "plain" else ours)(options, task, problems)))
        return
    sides: dict[str, dict[str, float]] = {}
    for side in SIDES:
        command = [sys.executable, "-m", "benchmarks.rl_step", *sys.argv[1:], "--side", side]
        sides[side] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    print(f"{options.model}, {options.dtype}, {options.threads} thread(s), mean of {options.steps} steps")
    print(f"{'':24}" + "".join(f"{side:>22}" for side in SIDES))
    for name, value in sides["plain"].items():
        ratios = [f" ({value / sides[side][name]:.2f}x)" if sides[side][name] else " " * 8 for side in SIDES]
        cells = [f"{sides[side][name]:.4g}{times}" for side, times in zip(SIDES, ratios, strict=True)]
        print(f"{name:24}" + "".join(f"{cell:>22}" for cell in cells))
    if options.out:
        settings = {
            name: getattr(options, name)
            for name in ("model", "dtype", "matmul", "threads", "prompts", "longest", "steps")
        }
        times_faster = {side: sides["plain"]["step"] / figures["step"] for side, figures in sides.items()}
        clock = os.environ.get("STEPWISE_CLOCK", "wall")
        write_json(
            options.out,
            {**settings, "clock": clock, "sides": sides, "times_faster": times_faster, "ceiling": ceiling(sides)},
        )


def ceiling(sides: dict[str, dict[str, float]]) -> dict[str, float]:
    """How many times faster than plain a step could be if only a part of it remained; the better of our sides."""
    ours = [figures for side, figures in sides.items() if side != "plain"]
    left = {
        "forwards_and_updates": min(figures["forwards"] + figures["updates"] for figures in ours),
        "linear_layers": min(figures["products"] for figures in ours),
        "generation_and_linear_layers": min(figures["generation"] + figures["products"] for figures in ours),
    }
    return {name: sides["plain"]["step"] / seconds for name, seconds in left.items()}


if __name__ == "__main__":
    main()
