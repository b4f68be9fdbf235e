from __future__ import annotations

import pytest

from stepwise.methods.tripost.rounds.collecting import window


@pytest.mark.parametrize(
    ("count", "size", "starts"),
    [
        # floor((t * W mod N) / W) * W
        (6, 2, [0, 2, 4, 0, 2]),
        (10, 4, [0, 4, 8, 0, 4, 0]),  # t = 3: 12 mod 10 = 2, and 2 / 4 rounds down to 0
        (7, 5, [0, 5, 0, 0, 5]),  # t = 2: 3 -> 0, t = 3: 1 -> 0, t = 4: 6 -> 5
    ],
)
def test_rounds_take_the_problems_in_turn(count: int, size: int, starts: list[int]) -> None:
    items = list(range(count))
    assert [window(items, size, number) for number in range(len(starts))] == [
        list(range(start, min(start + size, count))) for start in starts
    ]


@pytest.mark.parametrize("size", [0, 5, 6, 100])
def test_a_window_of_all_problems(size: int) -> None:
    assert [window("abcde", size, number) for number in range(3)] == ["abcde"] * 3
