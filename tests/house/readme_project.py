"""Fill the current folder with what the README reads: problems, a random model with its registration, answers."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from stepwise import tracking
from stepwise.models.card import Card, write_card
from stepwise.models.loading import save_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import TaskParams
from stepwise.records import Prediction, Verdict, write_jsonl
from stepwise.tasks.registry import get_task


def main() -> None:
    params = TaskParams(form="p_cot", train=8, dev=4, test=20, max_new_tokens=8)
    problems = get_task("word_problems", params, seed=1).load("test").problems
    write_jsonl("data/tasks/word_problems/test.jsonl", problems)
    answers = [Prediction(problem_id=problem.id, text="", verdict=Verdict()) for problem in problems]
    for method in ("warm_up", "reft"):
        write_jsonl(f"evaluations/{method}/word_problems-tiny/greedy.jsonl", answers)
    write_jsonl("evaluations/vote/sft/word_problems-tiny/samples.jsonl", answers)

    torch.manual_seed(0)
    tokenizer = build_tokenizer([problem.question for problem in problems], vocabulary=300)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=1,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    folder = Path("models/warm_up/word_problems-tiny")
    save_model(LlamaForCausalLM(config), tokenizer, folder)
    write_card(folder, Card(method="warm_up", task="word_problems", model="tiny", task_params=params))
    explainer = Path("models/rationalyst/tiny")
    save_model(LlamaForCausalLM(config), tokenizer, explainer)
    sentences = params.model_copy(update={"form": "n_cot"})
    write_card(explainer, Card(method="rationalyst", task="word_problems_text", model="tiny", task_params=sentences))
    registration = tracking.Registration("warm_up", "word_problems", "tiny", str(folder))
    run = tracking.StageRun(
        stage="evaluate", key="k", arguments={}, params={}, scale="default", started=1.0, registration=registration
    )
    tracking.record(run)


if __name__ == "__main__":
    main()
