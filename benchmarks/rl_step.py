"""Seconds of a reinforcement step of ReFT (32 questions) against a plain version in the released code's order of work.

Plain does in turn what the released run does on its GPUs, 4 questions each: transformers' generate, a fresh pool of 8
processes to check, passes of the old policy, of the reference and of the update, padded to the longest of the step,
with logits over whole sequences. Both sides get the same model, questions, type, threads, optimiser settings and
longest completion, and use the same PPO functions. Each runs in a process of its own, which gives its peak memory.
Neither executes a program itself: both hand them to the sandbox's interpreter.

Where the gain comes from: all questions decode together and rows leave as they end; programs are checked in a warm pool
beside the passes; a pass has no padding to speak of and logits of actions alone. `one pass` is our side with the whole
step in one pass: the first update then needs no pass of the old policy, at more memory than plain.

What could still be gained: `ceiling` says how many times faster than plain a step would be in which generation and
checking cost nothing, one in which the linear layers of the reference and the updates were all that is computed, and
one that generates as it does now and is otherwise these layers alone. `--matmul medium` lets both sides multiply with
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
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import Linear

from benchmarks.inference import add_options, build
from stepwise.methods.reft.rewards import checked_answers, score
from stepwise.models.loading import load_model
from stepwise.models.value_head import ValueHead
from stepwise.params import TaskParams
from stepwise.params.reft import ReftParams
from stepwise.records import Problem, Verdict, write_json
from stepwise.rl import ppo, rollout
from stepwise.rl.actor_critic import ActorCritic
from stepwise.rl.loop import Reinforcement
from stepwise.tasks.base import Task
from stepwise.tasks.registry import get_task
from stepwise.tokens import encode

FORM = TaskParams(form="p_cot", train=400)
PARTS = ("generation", "checking", "forwards", "updates")
SIDES = {"plain": 0, "stepwise": ReftParams().batch_tokens, "one pass": 8192}
"""What is measured, and the most tokens of a pass with gradients."""
REPEATS = 5
"""Of the products of linear layers."""
BATCH, WORKERS = 4, 8
"""Of the plain version: sequences a pass (a GPU's share in the released runs), and processes of its pool."""


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
                made = self.generate(prompts[start : start + BATCH])
            with self.clock("checking"):
                texts = [self.tokenizer.decode(one, skip_special_tokens=True) for one in made]
                verdicts += self.check(problems[start : start + BATCH], texts)
            actions += made
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
        ids = torch.tensor([[0] * (width - len(one)) + one for one in prompts])
        attention = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in prompts])
        with torch.no_grad():
            found = self.model.generate(
                input_ids=ids, attention_mask=attention, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                max_new_tokens=self.longest, pad_token_id=self.tokenizer.pad_token_id,
            )  # fmt: skip
        rows = found[:, width:].tolist()
        end = self.tokenizer.eos_token_id
        return [row[: row.index(end) + 1] if end in row else row for row in rows]

    def check(self, problems: list[Problem], texts: list[str]) -> list[Verdict]:
        """Verdicts from a pool of processes that is made for this call."""
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
        found = [self.forward(model, one, other) for one, other in pieces]
        return torch.cat([logprobs for logprobs, _ in found]), torch.cat([values for _, values in found])

    def update(self, ids: Tensor, attention: Tensor, *experience: Tensor) -> None:
        """One optimiser step, gradients of a few sequences at a time."""
        params = self.params
        for start in range(0, len(ids), BATCH):
            rows = slice(start, start + BATCH)
            mask, old, values, advantages, returns = (one[rows] for one in experience)
            new, seen = self.forward(self.model, ids[rows], attention[rows])
            loss = ppo.policy_loss(new, old, advantages, mask, params.clip_ratio)
            loss = loss + params.value_coefficient * ppo.value_loss(seen, values, returns, mask, params.clip_value)
            torch.autograd.backward(loss.sum() / len(ids))
        torch.nn.utils.clip_grad_norm_(self.learned, params.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()

    @contextmanager
    def clock(self, part: str) -> Iterator[None]:
        """Add the block's time to a part."""
        begun = now()
        yield
        self.seconds[part] += now() - begun


def check(item: tuple[Task, Problem, str]) -> Verdict:
    """Check one completion, in a worker of the plain version's pool."""
    task, problem, text = item
    return task.check(problem, [text])[0]


def ours(options: argparse.Namespace, task: Task, problems: dict[str, Problem]) -> dict[str, Any]:
    """Seconds a step with the house's trainer."""
    model, tokenizer = build(options, [])
    actor = ActorCritic(model)
    params = ReftParams(steps=options.steps + 1, prompts=options.prompts, saves=1, batch_tokens=SIDES[options.side])
    prompts = {name: task.prompt(problem) for name, problem in problems.items()}
    tokens: list[int] = []
    with tempfile.TemporaryDirectory() as work:
        course = Reinforcement(
            actor, load_model(options.model, options.dtype)[0], tokenizer, prompts,
            checked_answers(task, problems, params.partial_reward), params, max_new_tokens=options.longest, stop=(),
            seed=1, work=Path(work), evaluate=None, rate=params.learning_rate, generation_tokens=16384,
        )  # fmt: skip
        start = peak()
        with patch("time.perf_counter", now):  # the trainer's parts by the same clock
            course._step(1)
            course.seconds = dict.fromkeys(course.seconds, 0.0)
            begun = now()
            for number in range(2, options.steps + 2):
                row = course._step(number)
                tokens.append(round(row["response_tokens"] * options.prompts))
            total = now() - begun
    seconds = {"checking" if part == "checking_alone" else part: value for part, value in course.seconds.items()}
    found = result(options, seconds, total, sum(tokens), start)
    extra, count = course.standing.extra, options.steps + 1
    read, actions = extra["trained_tokens"] / params.inner_epochs / count, extra["generated_tokens"] / count
    return found | {"products": products(model, round(read), round(actions), params)}


def products(model: Any, read: int, actions: int, params: ReftParams) -> float:
    """Seconds of the least matrix products that a step's passes are made of, and of nothing else.

    Every linear layer multiplies `read` tokens (the output layer `actions`) once for the reference and three times an
    update, forward and for both gradients, in passes of the step's size; the first update's forward is the old
    policy's too. The products of attention are left out, so what follows from this is more than can be reached.
    """
    head = model.get_output_embeddings()
    layers = [(one.weight, actions if one is head else read) for one in model.modules() if isinstance(one, Linear)]

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
        begun = now()
        for _ in range(REPEATS):
            multiply(backward=False)
            for _ in range(params.inner_epochs):
                multiply(backward=True)
    return round((now() - begun) / REPEATS, 4)


def plain(options: argparse.Namespace, task: Task, problems: dict[str, Problem]) -> dict[str, Any]:
    """Seconds a step of the plain version, on the same questions."""
    model, tokenizer = build(options, [])
    params = ReftParams(steps=options.steps + 1, prompts=options.prompts)
    side = Plain(model, load_model(options.model, options.dtype)[0], tokenizer, task, params, options.longest)
    steps = [[problems[name] for name in step] for step in rollout.plan(list(problems), params, 1)]
    torch.manual_seed(0)
    start = peak()
    side.step(steps[0])
    side.seconds.clear()
    side.tokens = 0
    begun = now()
    for step in steps[1:]:
        side.step(step)
    return result(options, dict(side.seconds), now() - begun, side.tokens, start)


CLOCK = time.perf_counter


def now() -> float:
    """Seconds of the clock that STEPWISE_CLOCK names: `cpu` is processor time, children included, else the wall's."""
    if os.environ.get("STEPWISE_CLOCK") != "cpu":
        return CLOCK()
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def peak() -> float:
    """Most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def result(
    options: argparse.Namespace, seconds: dict[str, float], total: float, tokens: int, start: float
) -> dict[str, Any]:
    """Figures of one side, a step."""
    found = {part: round(seconds[part] / options.steps, 4) for part in PARTS}
    return {
        **found,
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
        times_faster = {side: sides["plain"]["step"] / found["step"] for side, found in sides.items()}
        clock = os.environ.get("STEPWISE_CLOCK", "wall")
        write_json(
            options.out,
            {**settings, "clock": clock, "sides": sides, "times_faster": times_faster, "ceiling": ceiling(sides)},
        )


def ceiling(sides: dict[str, dict[str, float]]) -> dict[str, float]:
    """How many times faster than plain a step could be at most, by what of it were left; the better of our sides."""
    ours = [found for side, found in sides.items() if side != "plain"]
    left = {
        "forwards_and_updates": min(one["forwards"] + one["updates"] for one in ours),
        "linear_layers": min(one["products"] for one in ours),
        "generation_and_linear_layers": min(one["generation"] + one["products"] for one in ours),
    }
    return {name: sides["plain"]["step"] / seconds for name, seconds in left.items()}


if __name__ == "__main__":
    main()
