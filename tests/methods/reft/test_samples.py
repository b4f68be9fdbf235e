import pytest

from stepwise.generation.base import Sampling
from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.reft import samples
from stepwise.methods.reft.samples import SamplesError
from stepwise.params import TaskParams
from stepwise.records import write_jsonl
from stepwise.tasks.registry import get_task

TASK = get_task("word_problems", TaskParams(form="p_cot", train=8, dev=4, test=11), seed=1)
PROBLEMS = TASK.load("test").problems
SAMPLING = Sampling(n=2, stop=TASK.stop)


def backend():
    return ScriptedBackend(lambda prompt, sample: f"    return {len(prompt) + sample}\n")


def sampled(tmp_path, size, shard="1-of-1"):
    blocks = samples.blocks(PROBLEMS, size, shard)
    return list(samples.sample(TASK, backend(), blocks, SAMPLING, journals=tmp_path))


def test_every_problem_is_sampled_k_times_in_order(tmp_path):
    rows = sampled(tmp_path, 3)
    assert [(row.problem_id, row.sample) for row in rows] == [(problem.id, k) for problem in PROBLEMS for k in range(2)]
    assert rows[1].verdict.answer == str(len("".join(TASK.prompt(PROBLEMS[0]))) + 1)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_shards_give_the_rows_of_the_whole_and_have_the_same_blocks(tmp_path, count):
    shards = [f"{number}-of-{count}" for number in range(1, count + 1)]
    for shard in shards:
        write_jsonl(tmp_path / f"{shard}.jsonl", sampled(tmp_path, 3, shard))
    assert samples.read(tmp_path, shards[::-1]) == sampled(tmp_path, 3)
    dealt = [block for shard in shards for block in samples.blocks(PROBLEMS, 3, shard)]
    assert dealt == samples.blocks(PROBLEMS, 3)
    assert [len(block) for block in dealt] == [3, 3, 3, 2]


@pytest.mark.parametrize("shard", ["0-of-2", "3-of-2", "1/2", "", "1-of-0"])
def test_a_shard_that_does_not_exist_is_one_clear_error(shard):
    with pytest.raises(SamplesError, match=r"is no shard; write 1-of-1"):
        samples.blocks(PROBLEMS, 3, shard)


def test_shards_of_different_wholes_are_one_clear_error(tmp_path):
    with pytest.raises(SamplesError, match="reft_shards is"):
        samples.read(tmp_path, ["1-of-2", "2-of-3"])
