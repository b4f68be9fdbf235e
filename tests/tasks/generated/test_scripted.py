import time
from collections import Counter
from functools import cache

import pytest

from stepwise.params import ParamsError, TaskParams
from stepwise.tasks.base import Task, example
from stepwise.tasks.registry import TASKS, get_task

NAMES = ("multistep_arithmetic", "word_sorting", "date_understanding", "logical_deduction")
SMALL = {
    "multistep_arithmetic": {"train_lengths": [2], "train_depths": [[2]], "test_lengths": [2], "test_depths": [[2]]},
    "word_sorting": {"train_words": [2], "test_words": [2], "lexicon_size": 12},
    "date_understanding": {"train_steps": [1], "test_steps": [1], "years": [2019, 2020], "styles": ["named"]},
    "logical_deduction": {"train_objects": [3], "test_objects": [3], "scenes": ["children"], "scene_size": 3},
}


def make(name, seed=1, **changes):
    return get_task(name, TaskParams(form="scripted", **{"train": 300, "dev": 60, "test": 240} | changes), seed=seed)


@cache
def loaded(name):
    """A task and its splits."""
    task = make(name)
    return task, {split: task.load(split) for split in ("train", "dev", "test")}


@pytest.mark.parametrize("name", NAMES)
class TestScriptedTask:
    def test_every_reference_passes_its_own_check_strictly_and_robustly(self, name):
        task, splits = loaded(name)
        problems = [problem for split in splits.values() for problem in split.problems]
        assert len(problems) == 600
        for problem, verdict in zip(problems, task.check_many([(p, p.reference.text) for p in problems]), strict=True):
            assert verdict.correct, problem
            assert verdict.strict_correct, problem
            assert verdict.answer == verdict.strict_answer == problem.answer

    def test_step_ids_are_unique_and_steps_are_the_lines_of_the_text(self, name):
        task, splits = loaded(name)
        for problem in splits["test"].problems:
            reference = problem.reference
            ids = [step.id for step in reference.steps]
            assert len(set(ids)) == len(ids)
            assert ids[0] == "1"
            assert ids[-1] == "Final response"
            assert "\n".join(step.text for step in reference.steps) == reference.text
            assert task.parse(reference.text) == reference

    def test_splits_share_no_problem_even_where_there_are_few(self, name):
        task = make(name, train=30, dev=15, test=15, options=SMALL[name])
        problems = [problem for split in ("train", "dev", "test") for problem in task.load(split).problems]
        identities = [task.identity(problem.question) for problem in problems]
        assert len(set(identities)) == len(identities) == 60

    def test_the_seed_decides_everything(self, name):
        first, again, other = (make(name, seed, train=60).load("train").problems for seed in (1, 1, 2))
        assert first == again
        assert first != other

    def test_test_does_not_depend_on_the_size_of_the_other_splits(self, name):
        assert loaded(name)[1]["test"] == make(name, train=10, dev=5).load("test")

    def test_cells_are_even_and_training_holds_seen_ones_only(self, name):
        task = make(name, train=60)
        assert {p.bin for split in ("train", "dev") for p in task.load(split).problems} == {"seen"}
        problems = task.load("test").problems
        assert {p.bin for p in problems} == {"seen", "unseen"}
        counts = Counter(str(p.meta) for p in problems)
        assert len(counts) == len(task.cells("test"))
        assert max(counts.values()) - min(counts.values()) <= 1

    def test_zero_means_the_papers_sizes(self, name):
        task = make(name, train=0, test=0)
        assert [task.load(split).read for split in ("train", "test")] == [task.sizes["train"], task.sizes["test"]]

    def test_an_exhausted_cell_is_an_error_and_not_a_hang(self, name):
        few = SMALL[name] | ({"max_operand": 1, "operators": ["+"]} if name == "multistep_arithmetic" else {})
        start = time.monotonic()
        with pytest.raises(ParamsError, match="too few distinct questions"):
            make(name, train=500, options=few).load("train")
        assert time.monotonic() - start < 5

    def test_an_unknown_option_is_named_with_the_known_ones(self, name):
        with pytest.raises(ParamsError, match=rf"task\.{name}\.options\.colour: unknown option; known are .*test_"):
            make(name, options={"colour": 3})

    def test_another_form_is_refused(self, name):
        with pytest.raises(ParamsError, match=f"task.{name}.form: 'p_cot'"):
            get_task(name, TaskParams(form="p_cot"), seed=1)

    def test_it_is_a_task_and_its_examples_learn_the_reference_alone(self, name):
        task, splits = loaded(name)
        assert isinstance(task, Task)
        problem = splits["train"].problems[0]
        prompt, reference = example(task, problem).spans
        assert prompt.weight == 0
        assert prompt.text.startswith(f"Q: {problem.question}\n")
        assert "\nAnswer: Let's think step by step." in prompt.text
        assert prompt.text.endswith("\n")
        assert (reference.text, reference.weight) == (problem.reference.text, 1.0)

    def test_a_hallucinated_next_question_is_not_read(self, name):
        task, splits = loaded(name)
        first, second = splits["test"].problems[:2]
        [verdict] = task.check(first, [f"{first.reference.text}\nQ: {second.question}\n{second.reference.text}"])
        assert verdict.correct
        assert verdict.strict_correct

    def test_the_answer_alone_is_an_answer(self, name):
        task, splits = loaded(name)
        pairs = [(problem, f" {problem.answer}\nQ: 1") for problem in splits["test"].problems]
        for (problem, _), verdict in zip(pairs, task.check_many(pairs), strict=True):
            assert verdict.strict_correct
            assert verdict.correct
            assert task.parse(problem.answer).answer == problem.answer

    @pytest.mark.parametrize(
        "text", ["", "\n\n", "So the answer is", "(Final response) So the answer is: .", "(1) \x00", "Q:"]
    )
    def test_text_without_an_answer_is_wrong_and_never_raises(self, name, text):
        task, splits = loaded(name)
        problem = splits["test"].problems[0]
        task.parse(text)
        [verdict] = task.check(problem, [text])
        assert not verdict.correct
        assert not verdict.strict_correct
        assert verdict.answer is None


def test_the_prompt_lists_the_options_of_a_problem_that_has_them():
    task = make("multistep_arithmetic")
    problem = task.load("test").problems[0].model_copy(update={"question": "1 + 1 =", "choices": ("3", "2")})
    expected = f"Q: 1 + 1 =\nOptions:\n(A) 3\n(B) 2\nAnswer: Let's think step by step. {task.hint}\n"
    assert task.prompt(problem) == (expected,)


def test_an_unknown_task_is_an_error_that_lists_all():
    with pytest.raises(ParamsError, match=r"no task 'sudoku'.*multistep_arithmetic.*word_sorting"):
        get_task("sudoku", TaskParams(form="scripted"), seed=1)
    assert set(NAMES) < set(TASKS)
