import pytest

import stepwise
from stepwise import solver
from stepwise.generation.scripted import ScriptedBackend
from stepwise.params import TaskParams
from stepwise.tasks.registry import get_task

QUESTION = "Ben has 12 apples. Anna gives Ben 5 apples. How many apples does Ben have now?"


def scripted(name, form, completion):
    task = get_task(name, TaskParams(form=form), seed=0)
    return solver.Solver(task, ScriptedBackend(lambda prompt, sample: completion), 500, None)


def test_a_program_is_answered_by_its_result():
    model = scripted("word_problems", "p_cot", "    had = 12\n    got = 5\n    result = had + got\n    return result\n")
    solution = model.solve(QUESTION)
    assert solution.answer == "17"
    assert "result = had + got" in solution.text
    assert QUESTION in model.backend.prompts[0]


def test_a_broken_program_has_no_answer():
    assert scripted("word_problems", "p_cot", "    return 1 +\n").solve(QUESTION).answer is None


def test_sentences_are_answered_by_their_last_line():
    assert (
        scripted("word_problems", "n_cot", "12 + 5 = 17\nTherefore, the answer is: 17").solve(QUESTION).answer == "17"
    )


def test_many_questions_are_one_pass():
    model = scripted("word_problems", "p_cot", "    return 2 * 3\n")
    assert [solution.answer for solution in model.solve_many([QUESTION, "And now?"])] == ["6", "6"]
    assert model.backend.calls == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained model's folder: a random tiny Llama with a card."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from stepwise.models.card import Card, write_card
    from stepwise.models.loading import save_model
    from stepwise.models.tokenizer import build_tokenizer

    torch.manual_seed(0)
    tokenizer = build_tokenizer([QUESTION], vocabulary=300)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=1,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("repository") / "models" / "toy"
    save_model(LlamaForCausalLM(config), tokenizer, path)
    params = TaskParams(form="p_cot", max_new_tokens=8)
    write_card(path, Card(method="warm_up", task="word_problems", model="tiny", task_params=params))
    return path


def test_a_folder_answers_in_its_own_task(folder):
    model = stepwise.load(str(folder))
    assert (model.task.name, model.task.form, model.max_new_tokens) == ("word_problems", "p_cot", 8)
    assert isinstance(model.solve(QUESTION).text, str)


@pytest.mark.slow
def test_the_champion_answers(folder, monkeypatch):
    from stepwise import tracking

    monkeypatch.chdir(folder.parent.parent)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("STEPWISE_TRACKING", raising=False)
    registration = tracking.Registration("warm_up", "word_problems", "tiny", "models/toy")
    run = tracking.StageRun(
        stage="evaluate", key="k", arguments={}, params={}, scale="default", started=1.0, registration=registration
    )
    tracking.record(run)
    model = stepwise.load("models:/warm_up-word_problems-tiny@champion")
    assert model.solve(QUESTION).text == stepwise.load(str(folder)).solve(QUESTION).text
