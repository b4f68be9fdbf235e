from __future__ import annotations

import pytest

from stepwise.generation.engine.batching import Row, microbatches, plan

LENGTHS = [5, 90, 17, 40, 40, 3, 66, 12]


@pytest.mark.parametrize("batch_tokens", [1, 120, 500, 10_000])
@pytest.mark.parametrize("samples", [1, 3])
def test_every_row_is_planned_once_within_the_budget(batch_tokens, samples):
    batches = plan(LENGTHS, samples, 20, batch_tokens)
    rows = [row for batch in batches for row in batch]
    assert sorted(rows) == [Row(prompt, sample) for prompt in range(8) for sample in range(samples)]
    for batch in batches:
        assert len(batch) == 1 or len(batch) * (LENGTHS[batch[0].prompt] + 20) <= batch_tokens
    assert [LENGTHS[row.prompt] for row in rows] == sorted((LENGTHS[row.prompt] for row in rows), reverse=True)


def test_batches_are_evened_out():
    assert [len(batch) for batch in plan([10] * 9, 1, 10, 160)] == [5, 4]


def test_microbatches_cover_all_in_order():
    ranges = microbatches([50, 40, 30, 8, 8, 8], 80)
    assert [list(batch) for batch in ranges] == [[0], [1, 2], [3, 4, 5]]
    assert microbatches([100], 10) == [range(0, 1)]
