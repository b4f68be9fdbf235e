import json
from pathlib import Path

from stepwise.records import Prediction, Verdict, write_jsonl
from studies import seeds

ROOT = Path(__file__).resolve().parents[2]
PARAMS = """
tasks: [toy]
models: [tiny]
task: {toy: {form: n_cot}}
model: {tiny: {source: shipped}}
rationalyst_runs: {small: {task: toy, base: a, agent: a, scorer: a, verifier: a}}
"""


def finished(folder, methods):
    """What a seed's pipeline leaves: which of ten problems each method answers right."""
    for method, right in methods.items():
        rows = [Prediction(problem_id=f"toy-{i}", text="", verdict=Verdict(correct=i in right)) for i in range(10)]
        write_jsonl(folder / "evaluations" / method / "toy-tiny" / "greedy.jsonl", rows)
        path = folder / "metrics" / "evaluate" / method / "toy-tiny.json"
        path.parent.mkdir(parents=True)
        numbers = {"method": method, "task": "toy", "model": "tiny", "accuracy": len(right) / 10}
        path.write_text(json.dumps(numbers))
    (folder / "params.yaml").write_text(PARAMS)
    other = {"method": "warm_up", "task": "chess", "model": "tiny", "accuracy": 0.5}  # committed, not of this run
    (folder / "metrics" / "evaluate" / "warm_up" / "chess-tiny.json").write_text(json.dumps(other))
    return folder


def test_ways_of_choosing_steps_are_pooled_too(tmp_path):
    """The implicit way is right on 3 and 1 of 10, the greedy one on 1 and 2: 4 of 20 against 3."""
    right = {1: {"greedy": {0}, "implicit": {0, 1, 2}}, 2: {"greedy": {0, 1}, "implicit": {2}}}
    clones = {seed: finished(tmp_path / str(seed), {"warm_up": {0}}) for seed in right}
    for seed, ways in right.items():
        for way, solved in ways.items():
            rows = [Prediction(problem_id=f"toy-{i}", text="", verdict=Verdict(correct=i in solved)) for i in range(10)]
            write_jsonl(clones[seed] / "evaluations" / "rationalyst" / "small" / f"{way}.jsonl", rows)
    pooled = seeds.summary(clones)
    (implicit,) = [row for row in pooled["accuracies"] if row["method"] == "implicit"]
    assert (implicit["model"], implicit["1"], implicit["2"], implicit["accuracy"]) == ("small", 0.3, 0.1, 0.2)
    (pair,) = pooled["pairs"]
    assert (pair["method"], pair["against"]) == ("implicit", "greedy")
    assert (pair["difference"], pair["only_first"], pair["only_second"]) == (0.05, 2, 3)


def test_differences_are_pooled_over_seeds(tmp_path, capsys):
    """Seed 1 gains 5 of 10 and seed 2 loses 1 of 10: pooled, 4 of 20."""
    clones = {
        1: finished(tmp_path / "1", {"warm_up": {0, 1}, "reft": {0, 1, 2, 3, 4, 5, 6}}),
        2: finished(tmp_path / "2", {"warm_up": {0, 1, 2}, "reft": {0, 1}}),
    }
    pooled = seeds.summary(clones)
    (reft, warm_up) = pooled["accuracies"]
    assert (reft["1"], reft["2"], reft["accuracy"], reft["problems"]) == (0.7, 0.2, 0.45, 20)
    assert warm_up["accuracy"] == 0.25
    (pair,) = pooled["pairs"]
    assert (pair["difference"], pair["only_first"], pair["only_second"]) == (0.2, 1, 5)
    seeds.show(pooled)
    assert "reft against warm_up +20.0" in capsys.readouterr().out


def test_demonstrations_are_left_out_unless_they_are_chosen(monkeypatch):
    monkeypatch.chdir(ROOT)
    task = "task=[word_problems,word_problems_text]"
    assert seeds.without_demonstrations([task]) == [task, "rationalyst_run=[tiny]"]
    assert seeds.without_demonstrations(["rationalyst_run=[smollm2]"]) == ["rationalyst_run=[smollm2]"]
