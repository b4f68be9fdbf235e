from __future__ import annotations

import random

import pytest

from stepwise.methods.rationalyst.mining.alignment import align, distance


def plain_distance(first, second):
    row = list(range(len(second) + 1))
    for number, char in enumerate(first):
        following = [number + 1]
        for place, other in enumerate(second):
            following.append(min(row[place] + (char != other), row[place + 1] + 1, following[-1] + 1))
        row = following
    return row[-1]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0), ("flaw", "lawn", 2), ("ab", "ba", 2)],
)
def test_known_distances(first, second, expected):
    assert distance(first, second) == distance(second, first) == expected


def test_places_move_with_what_was_put_in_or_left_out():
    assert align("abcXdef", "abcdef") == [0, 1, 2, 3, 3, 4, 5, 6]
    assert align("abdef", "abcdef") == [0, 1, 3, 4, 5, 6]
    assert align("abc", "abc") == [0, 1, 2, 3]


def test_every_place_lies_on_a_shortest_edit():
    chance = random.Random(1)
    for _ in range(200):
        first, second = ("".join(chance.choices("ab ", k=chance.randint(0, 9))) for _ in range(2))
        shortest = plain_distance(first, second)
        assert distance(first, second) == shortest
        places = align(first, second)
        assert len(places) == len(first) + 1
        for left, right in enumerate(places):
            parts = plain_distance(first[:left], second[:right]), plain_distance(first[left:], second[right:])
            assert sum(parts) == shortest
