"""Reinforcement from a checked reward, from a fine-tuned model to a better one.

Policy, prompts and reward are arguments: any method that can score a completion trains with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwise.generation.transformers_backend import weights_hash
from stepwise.models.adapters import with_lora
from stepwise.models.loading import Dtype, load_model, save_model
from stepwise.params import RlParams
from stepwise.records import Prompt
from stepwise.rl import rollout
from stepwise.rl.actor_critic import ActorCritic
from stepwise.rl.loop import Reinforcement
from stepwise.rl.rollout import RewardFunction
from stepwise.training.resumable_run import Evaluate, TrainingError

SPENT = ("optimizer_steps", "generated_tokens", "trained_tokens")


@dataclass
class RlResult:
    """What a run did. A row of `curve` has the figures of a step, or their means over the steps since the last row."""

    steps: int
    prompts: int
    left_out: dict[str, int]
    seconds: dict[str, float]
    """Of this process, by part of a step."""
    spent: dict[str, float] = field(default_factory=dict)
    """optimizer_steps, generated_tokens, and trained_tokens (prompts included, once a pass)."""
    best_step: int | None = None
    best_score: float | None = None
    curve: list[dict[str, float]] = field(default_factory=list)


def train(
    policy: str | Path,
    prompts: Mapping[str, Prompt],
    reward: RewardFunction,
    params: RlParams,
    *,
    max_new_tokens: int,
    stop: tuple[str, ...] = (),
    seed: int,
    work: Path,
    out: Path,
    evaluate: Evaluate | None = None,
    learning_rate_scale: float = 1.0,
    dtype: Dtype = "float32",
    generation_tokens: int = 16384,
) -> RlResult:
    """Train a fine-tuned model with PPO and write the best state (by dev; the last without `evaluate`) to `out`.

    That is a plain model; beside it go value/head.safetensors and, if values have a model of their own, value/model.
    `prompts` are the questions by id, in pieces as fine-tuning had them. A completion ends with EOS, one of `stop`, or
    `max_new_tokens`, and `generation_tokens` are cached at most. A killed run, started again with the same arguments,
    goes on after its last checkpoint in `work` and ends with the same bytes.

    Raises:
        TrainingError: no prompt fits, the reward gives no numbers, or the loss is no number.
        ModelError: the model does not load.
    """
    model, tokenizer = load_model(policy, dtype)
    kept, left_out = rollout.fitting(prompts, tokenizer, model.config, max_new_tokens)
    if not kept:
        raise TrainingError(f"none of {len(prompts)} prompts leaves room for {max_new_tokens} tokens: {left_out}")
    fingerprint = _fingerprint(
        model, kept, params, learning_rate_scale, max_new_tokens, stop, seed, dtype, generation_tokens
    )
    actor = _actor(model, policy, params, seed, dtype)
    course = Reinforcement(
        actor, None if params.lora.rank else load_model(policy, dtype)[0], tokenizer, kept, reward, params,
        max_new_tokens=max_new_tokens, stop=stop, seed=seed, work=work, evaluate=evaluate,
        rate=params.learning_rate * learning_rate_scale, generation_tokens=generation_tokens,
    )  # fmt: skip
    standing = course.run(fingerprint)
    if course.accelerator.is_main_process:
        _export(actor, tokenizer, out)
    course.accelerator.wait_for_everyone()
    return RlResult(
        course.total, len(kept), left_out, course.seconds, {name: standing.extra.get(name, 0.0) for name in SPENT},
        standing.best_step, standing.best_score, standing.curve,
    )  # fmt: skip


def _fingerprint(model: Any, prompts: Mapping[str, Prompt], params: RlParams, *rest: Any) -> str:
    """Hash of all that decides the result; the reward is the caller's, as is a work folder of its own for each."""
    parts = [weights_hash(model), list(prompts.items()), params.model_dump(mode="json"), *rest]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _actor(model: Any, policy: str | Path, params: RlParams, seed: int, dtype: Dtype) -> ActorCritic:
    critic: Any = load_model(policy, dtype)[0] if params.separate_value_model else None
    if critic is not None and critic.get_output_embeddings().weight is not critic.get_input_embeddings().weight:
        critic.get_output_embeddings().requires_grad_(False)
    if params.lora.rank:
        model = with_lora(model, params.lora, seed)
        critic = None if critic is None else with_lora(critic, params.lora, seed)
    return ActorCritic(model, critic, temperature=params.temperature)


def _export(actor: ActorCritic, tokenizer: Any, out: Path) -> None:
    """The policy as a plain model, and what values are made of below it."""
    plain = [one.merge_and_unload() if hasattr(one, "merge_and_unload") else one for one in (actor.model, actor.critic)]
    save_model(plain[0], tokenizer, out)
    actor.value_head.save(out / "value" / "head.safetensors")
    if plain[1] is not None:
        save_model(plain[1], tokenizer, out / "value" / "model")
