"""Many programs at once: order, repeats, values of other types, and the time limit."""

from __future__ import annotations

import threading

import pytest

from stepwise.tasks.sandbox import programs
from stepwise.tasks.sandbox.programs import Outcome, run_programs


def isolated(value: object) -> str:
    """A program that the interpreter leaves to a worker."""
    return f"def solution():\n    return [x for x in ({value},)][0]\n"


def test_outcomes_keep_the_order_of_mixed_programs():
    sources = [isolated(i) if i % 3 == 0 else f"def solution():\n    return {i}\n" for i in range(20)]
    outcomes = run_programs(sources)
    assert [outcome.value for outcome in outcomes] == list(range(20))
    assert {outcome.isolation for outcome in outcomes[1:3]} == {"evaluator"}
    assert outcomes[0].isolation in ("bwrap", "unshare")


def test_equal_programs_run_once(monkeypatch):
    isolated_sources = []
    monkeypatch.setattr(
        programs, "run_isolated", lambda sources, _: (isolated_sources.extend(sources), ("unshare", [{"value": 1}]))[1]
    )
    assert run_programs([isolated(1)] * 50) == [Outcome(1, "unshare")] * 50
    assert len(isolated_sources) == 1


def test_nothing_to_run():
    assert run_programs([]) == []


def test_a_workers_answer_is_checked_again(monkeypatch):
    for answer in ({"value": float("nan")}, {"value": [1]}, {"value": None}, {}, {"error": "e", "value": {}}):
        monkeypatch.setattr(programs, "run_isolated", lambda *_, answer=answer: ("unshare", [answer]))
        outcome = run_programs([isolated(1)])[0]
        assert outcome.value is None
        assert outcome.error


def test_values_of_other_kinds():
    kinds = {
        "from decimal import Decimal\ndef solution():\n    return Decimal('0.5')\n": 0.5,
        "def solution():\n    return {3}\n": "{3}",
        "def solution():\n    return {'x': 3}\n": "{'x': 3}",
        "import sympy\ndef solution():\n    return sympy.Rational(1, 4)\n": 0.25,
        "import sympy\ndef solution():\n    x = sympy.symbols('x')\n    return sympy.solve(x - 3, x)\n": "[3]",
        "def solution():\n    return 10 ** 300 * [x for x in (1,)][0]\n": 10**300,
    }
    assert [outcome.value for outcome in run_programs(list(kinds), timeout=10)] == list(kinds.values())
    for bad in ("(1, 2)", "None", "2j * 1", "10 ** 400", "print"):
        assert run_programs([f"def solution():\n    return [x for x in ({bad},)][0]\n"])[0].value is None


def test_the_limit_is_each_programs_own():
    loop = "def solution():\n    while True:\n        pass\n"
    outcomes = run_programs([loop, isolated(1), loop + "\n", isolated(2)], timeout=0.5)
    assert [outcome.value for outcome in outcomes] == [None, 1, None, 2]
    assert "longer than 0.5 s" in (outcomes[0].error or "")


def test_threads_may_share_the_workers():
    values = {}

    def run(number: int) -> None:
        values[number] = [o.value for o in run_programs([isolated(number * 100 + i) for i in range(5)])]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values == {n: [n * 100 + i for i in range(5)] for n in range(4)}


@pytest.mark.parametrize(
    "source", ["", "   ", "def solution(", "def solution(x):\n    return x\n", "\n" * 100, "🍎" * 100]
)
def test_odd_sources_are_errors_not_exceptions(source):
    assert run_programs([source])[0].error
