import io
import json
import os
import shlex
import subprocess
import sys

import pytest

from stepwise import cli, solver
from stepwise.generation.scripted import ScriptedBackend
from stepwise.params import TaskParams
from stepwise.records import Prediction, Problem, SampleScore, Verdict, read_jsonl, write_jsonl
from stepwise.tasks.registry import get_task

COMMANDS = ["solve", "evaluate", "compare", "report", "sync", "explain", "vote"]


@pytest.fixture
def loaded(monkeypatch):
    """The models for which a solver was loaded, one that answers 17 to every question."""
    models = []

    def load(model, task=None):
        models.append((model, task))
        toy = get_task("word_problems", TaskParams(form="p_cot"), seed=0)
        return solver.Solver(toy, ScriptedBackend(lambda prompt, sample: "    return 12 + 5\n"), 50, None)

    monkeypatch.setattr(solver, "load", load)
    return models


def predictions(flags):
    return [
        Prediction(problem_id=f"p{i}", text="", verdict=Verdict(answer="1", correct=flag))
        for i, flag in enumerate(flags)
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example_that_parses(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])
    assert stopped.value.code == 0
    _, _, example = capsys.readouterr().out.partition("example:\n  python -m stepwise ")
    parsed = cli._parser().parse_args(shlex.split(example))
    assert parsed.command == command


def test_the_light_commands_import_no_torch():
    code = (
        "import sys\nfrom stepwise import cli\n"
        "import stepwise.evaluation, stepwise.report, stepwise.solver\n"
        "heavy = {'torch', 'transformers', 'mlflow'} & set(sys.modules)\nsys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr


def environment():
    import stepwise

    return {**os.environ, "PYTHONPATH": str(next(iter(stepwise.__path__)).removesuffix("/stepwise"))}


def test_solve_answers_one_question(loaded, capsys):
    assert cli.main(["solve", "--model", "models:/m@champion", "--task", "word_problems", "--question", "12 + 5?"]) == 0
    assert capsys.readouterr().out == "return 12 + 5\nAnswer: 17\n"
    assert loaded == [("models:/m@champion", "word_problems")]


def test_solve_reads_questions_from_standard_input(loaded, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("one?\n\ntwo?\n"))
    assert cli.main(["solve", "--model", "m"]) == 0
    assert capsys.readouterr().out.count("Answer: 17") == 2


def test_evaluate_writes_predictions_that_compare_reads(loaded, capsys, tmp_path):
    problems = [
        Problem(id=f"p{i}", task="word_problems", split="test", question="?", answer="17" if i < 3 else "18")
        for i in range(6)
    ]
    write_jsonl(tmp_path / "test.jsonl", problems)
    out = tmp_path / "mine.jsonl"
    common = ["evaluate", "--model", "m", "--problems", str(tmp_path / "test.jsonl")]
    assert cli.main([*common, "--out", str(out)]) == 0
    shown = dict(line.split() for line in capsys.readouterr().out.splitlines()[:-1])
    assert (shown["accuracy"], shown["problems"]) == ("0.5", "6")
    assert [prediction.verdict.correct for prediction in read_jsonl(out, Prediction)] == [True] * 3 + [False] * 3
    assert cli.main([*common, "--limit", "2"]) == 0
    assert "problems                  2" in capsys.readouterr().out


def test_compare_prints_difference_interval_and_p_value(tmp_path, capsys):
    write_jsonl(tmp_path / "a.jsonl", predictions([False] * 10 + [True] * 10))
    write_jsonl(tmp_path / "b.jsonl", predictions([True] * 20))
    assert cli.main(["compare", str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]) == 0
    shown = capsys.readouterr().out
    assert "accuracy    0.5000 -> 1.0000" in shown
    assert "difference  +0.5000" in shown
    assert "p-value     0.001953" in shown  # 2 / 2^10
    assert "right only  0 in the first, 10 in the second" in shown


def test_vote_prints_a_table_from_stored_samples(tmp_path, capsys):
    answers = [("5", True), ("6", False), ("6", False)]
    samples = [
        Prediction(problem_id="p", sample=i, text="", verdict=Verdict(answer=answer, correct=right))
        for i, (answer, right) in enumerate(answers)
    ]
    write_jsonl(tmp_path / "samples.jsonl", samples)
    scores = [SampleScore(problem_id="p", sample=i, score=score) for i, score in enumerate((0.9, 0.2, 0.3))]
    write_jsonl(tmp_path / "scores.jsonl", scores)
    command = ["vote", "--samples", str(tmp_path / "samples.jsonl")]
    assert cli.main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["k", "maj@k", "pass@k"]
    assert lines[-1].split() == ["3", "0.0", "[0.0,", "0.0]", "100.0", "[100.0,", "100.0]"]
    assert cli.main([*command, "--scores", str(tmp_path / "scores.jsonl")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["k", "maj@k", "rerank@k", "weighted@k", "pass@k"]
    assert lines[-1].split()[1::3] == ["0.0", "100.0", "100.0", "100.0"]


def test_errors_are_one_line_and_exit_code_2(tmp_path, capsys):
    write_jsonl(tmp_path / "a.jsonl", predictions([True] * 3))
    write_jsonl(tmp_path / "b.jsonl", predictions([True] * 2))
    (tmp_path / "broken.jsonl").write_text('{"problem_id": "p0"\n')
    first = str(tmp_path / "a.jsonl")
    for command, wanted in [
        (["compare", first, str(tmp_path / "none.jsonl")], "none.jsonl does not exist"),
        (["compare", first, str(tmp_path / "broken.jsonl")], "broken.jsonl, line 1"),
        (["compare", first, str(tmp_path / "b.jsonl")], "share 2 problems of 3 and 2"),
        (["report", "--metrics", str(tmp_path)], "holds no evaluations"),
        (["solve", "--model", str(tmp_path / "none"), "--question", "?"], "is not a folder"),
        (["solve", "--model", str(tmp_path), "--question", "?"], "has no usable card.json"),
    ]:
        assert cli.main(command) == 2
        shown = capsys.readouterr()
        assert wanted in shown.err
        assert shown.err.count("\n") == 1
        assert shown.out == ""


def test_report_shows_the_table(tmp_path, capsys):
    path = tmp_path / "evaluate" / "warm_up" / "word_problems-tiny.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"method": "warm_up", "task": "word_problems", "model": "tiny", "accuracy": 0.5}))
    assert cli.main(["report", "--metrics", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "50.0" in shown
    assert "make experiments" in shown


def test_sync_names_what_it_sent(capsys, monkeypatch):
    from stepwise import tracking

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://user:secret@mlflow.example:8443/x")
    monkeypatch.setattr(tracking, "sync", lambda: ["warm_up-k1"])
    assert cli.main(["sync"]) == 0
    assert capsys.readouterr().out == "sent warm_up-k1\n1 runs sent to https://mlflow.example:8443/x\n"
