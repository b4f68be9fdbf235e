from functools import partial

from stepwise import report
from stepwise.records import Prediction, Verdict, write_jsonl
from stepwise.report import Row
from stepwise.report.comparisons import compare_with_baselines, greedy
from stepwise.report.terminal import pairs_table


def answered(folder, method, right, **numbers):
    rows = [Prediction(problem_id=str(i), text="", verdict=Verdict(correct=i in right)) for i in range(20)]
    write_jsonl(folder / method / "toy-tiny" / "greedy.jsonl", rows)
    return Row(method, "toy", "tiny", {"accuracy": len(right) / 20, **numbers})


def test_each_method_is_compared_with_the_baselines_that_are_there(tmp_path):
    """Warm-up has 4 of 20, continued fine-tuning 6, the method 14: gains of 2, 10 and 8 problems."""
    rows = [
        answered(tmp_path, "reft", set(range(14))),
        answered(tmp_path, "sft", set(range(6))),
        answered(tmp_path, "warm_up", set(range(4))),
    ]
    pairs = compare_with_baselines(rows, partial(greedy, tmp_path))
    gains = {(pair.method, pair.against): round(20 * pair.comparison.difference) for pair in pairs}
    assert gains == {("reft", "warm_up"): 10, ("reft", "sft"): 8, ("sft", "warm_up"): 2}
    assert {pair.method: pair.comparison.better for pair in pairs if pair.against == "warm_up"} == {
        "reft": True,
        "sft": False,
    }
    report.pairs.write(tmp_path / "pairs.json", pairs)
    assert report.pairs.read(tmp_path / "pairs.json") == pairs
    assert report.pairs.cells(pairs[0])[:5] == ["toy", "tiny", "reft", "warm_up", "+50.0 [+30.0, +70.0]"]
    assert pairs_table(pairs).row_count == 3


def test_continued_training_is_a_baseline_and_a_method_may_name_further_ones(tmp_path):
    """Of 20 problems, warm-up has 4, continued 6, samples 9 and the round 14: the round gains 10, 8 and 5."""
    right = {"continued": 6, "round": 14, "samples": 9, "warm_up": 4}
    rows = [answered(tmp_path, method, set(range(count))) for method, count in right.items()]
    pairs = compare_with_baselines(rows, partial(greedy, tmp_path), [("round", "samples"), ("round", "nobody")])
    gains = {(pair.method, pair.against): round(20 * pair.comparison.difference) for pair in pairs}
    assert gains == {
        ("continued", "warm_up"): 2,
        ("round", "warm_up"): 10,
        ("round", "continued"): 8,
        ("round", "samples"): 5,
        ("samples", "warm_up"): 5,
        ("samples", "continued"): 3,
    }


def test_a_lone_method_has_no_pairs(tmp_path):
    assert compare_with_baselines([answered(tmp_path, "warm_up", {1})], partial(greedy, tmp_path)) == []
    assert report.pairs.read(tmp_path / "nothing.json") == []


def test_an_oracle_and_a_part_of_the_problems_are_compared_with_nothing(tmp_path):
    rows = [
        answered(tmp_path, "warm_up", {1}, problems=20.0),
        answered(tmp_path, "prompted", {1}, problems=20.0, oracle=0.0),
        answered(tmp_path, "prompted_oracle", {1, 2}, problems=20.0, oracle=1.0),
        answered(tmp_path, "partly", {1}, problems=10.0),
    ]
    pairs = compare_with_baselines(rows, partial(greedy, tmp_path), [("prompted", "prompted_oracle")])
    assert [(pair.method, pair.against) for pair in pairs] == [("prompted", "warm_up")]
