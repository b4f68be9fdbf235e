"""Sets of orders against a second implementation: orders as strings of letters, patterns as regular expressions."""

import random
import re
from itertools import permutations

import pytest

from stepwise.tasks.generated.orderings import ANY, Gap, Pattern, orders_of

NAMES = "abcdefg"


def matching(text: str, size: int) -> set[str]:
    """The orders that a written pattern denotes."""
    expression = re.compile("".join({"?": ".", "??": ".*"}.get(item, item) for item in text.split()))
    return {order for order in map("".join, permutations(NAMES[:size])) if expression.fullmatch(order)}


def members(orders: int, size: int) -> set[str]:
    """The orders of a set: the vocabulary asked for each order in turn."""
    gaps = (Gap(0, False),) * (size + 1)
    singles = ((order, orders_of(size).matching(Pattern(order, gaps))) for order in permutations(range(size)))
    return {"".join(NAMES[index] for index in order) for order, single in singles if single & orders}


def random_pattern(size: int, generator: random.Random) -> Pattern:
    objects = generator.sample(range(size), generator.randint(0, size))
    gaps = [Gap(generator.randint(0, 2), generator.random() < 0.6) for _ in range(len(objects) + 1)]
    return Pattern(tuple(objects), tuple(gaps))


@pytest.mark.parametrize(
    ("pattern", "text", "orders"),
    [
        (Pattern((0, 1), (ANY, ANY, ANY)), "?? a ?? b ??", {"abc", "acb", "cab"}),
        (Pattern((0, 1), (ANY, Gap(0, False), ANY)), "?? a b ??", {"abc", "cab"}),
        (Pattern((0,), (Gap(1, False), ANY)), "? a ??", {"bac", "cab"}),
        (Pattern((2,), (Gap(1, True), ANY)), "? ?? c ??", {"acb", "bca", "abc", "bac"}),
        (Pattern((0, 1), (ANY, Gap(1, False), ANY)), "?? a ? b ??", {"acb"}),
        (Pattern((), (Gap(3, False),)), "? ? ?", {"abc", "acb", "bac", "bca", "cab", "cba"}),
        (Pattern((), (Gap(4, False),)), "? ? ? ?", set()),
        (Pattern((0, 0), (ANY, ANY, ANY)), "?? a ?? a ??", set()),
        (Pattern((2, 0, 1), (Gap(0, False),) * 4), "c a b", {"cab"}),
    ],
)
def test_patterns_of_three_objects_by_hand(pattern, text, orders):
    assert pattern.text(NAMES) == text
    assert members(orders_of(3).matching(pattern), 3) == orders == matching(text, 3)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_random_patterns_denote_what_the_regular_expression_matches(size):
    generator = random.Random(size)
    for _ in range(60):
        pattern = random_pattern(size, generator)
        assert members(orders_of(size).matching(pattern), size) == matching(pattern.text(NAMES), size)
        assert pattern.length() == len(pattern.text(NAMES).split())


@pytest.mark.parametrize("size", [3, 4, 5])
def test_a_pattern_that_is_given_for_a_set_denotes_exactly_it(size):
    generator = random.Random(size)
    orders = orders_of(size)
    given = 0
    for _ in range(1000):
        first, second = random_pattern(size, generator), random_pattern(size, generator)
        common = orders.matching(first) & orders.matching(second)
        pattern = orders.pattern(common, {*first.objects, *second.objects}) if common else None
        if pattern is not None:
            assert orders.matching(pattern) == common
            given += 1
    assert given > 40


def test_what_two_comparisons_have_in_common():
    orders = orders_of(4)
    first, second = (orders.matching(Pattern(pair, (ANY, ANY, ANY))) for pair in ((0, 1), (1, 2)))
    assert orders.pattern(first & second, [0, 1, 2]).text(NAMES) == "?? a ?? b ?? c ??"
    unrelated = orders.matching(Pattern((2, 3), (ANY, ANY, ANY)))
    assert orders.pattern(first & unrelated, [0, 1, 2, 3]) is None
    last = orders_of(3).matching(Pattern((0, 2), (ANY, ANY, ANY))) & orders_of(3).matching(
        Pattern((1, 2), (ANY, ANY, ANY))
    )
    assert orders_of(3).pattern(last, [0, 1, 2]).text(NAMES) == "? ? c"


def test_a_single_order_is_written_in_full():
    orders = orders_of(3)
    single = orders.matching(Pattern((2, 1), (Gap(0, False), Gap(0, False), ANY)))
    assert orders.pattern(single, [1, 2]).text(NAMES) == "c b a"
    assert orders.order(single) == (2, 1, 0)
    assert orders.order(orders.everything) is None


@pytest.mark.parametrize("size", [0, 8])
def test_too_many_objects_are_refused(size):
    with pytest.raises(ValueError, match=f"orders of {size} objects"):
        orders_of(size)


def test_seven_objects_have_5040_orders():
    assert orders_of(7).everything.bit_count() == 5040
    assert orders_of(7).matching(Pattern((0, 1), (ANY, ANY, ANY))).bit_count() == 2520
