# ruff: noqa: E501 - tables read best with a row a line
"""The restricted interpreter answers what Python answers, or leaves the program to an isolated worker."""

from __future__ import annotations

import random
import time

import pytest

from stepwise.tasks.sandbox import isolation
from stepwise.tasks.sandbox.interpreter import Declined, Failed, evaluate


def program(*lines: str) -> str:
    return "def solution():\n" + "\n".join(f"    {line}" for line in lines) + "\n"


ANSWERS = {
    "precedence": (program("return 2 + 3 * 4 ** 2 // 5 % 7 - -1"), 5),
    "true division": (program("return 7 / 2"), 3.5),
    "negative floor": (program("return -7 // 2"), -4),
    "rounding half to even": (program("return round(2.5) + round(1.25, 1)"), 3.2),
    "augmented": (program("a = 1", "a += 2", "a *= 5", "a -= 1", "a /= 2", "return a"), 7.0),
    "chained comparison": (program("return 10 if 1 < 2 <= 2 < 3 else 20"), 10),
    "short circuit": (program("return (0 and 1 / 0) or 5"), 5),
    "if elif else": (program("a = 5", "if a > 7:", "    return 1", "elif a > 4:", "    return 2", "else:", "    return 3"), 2),
    "for with break": (program("s = 0", "for i in range(1, 100):", "    if i == 5:", "        break", "    s += i", "return s"), 10),
    "continue": (program("s = 0", "for i in range(5):", "    if i % 2:", "        continue", "    s += i", "return s"), 6),
    "while": (program("n = 1", "while n < 1000:", "    n *= 2", "return n"), 1024),
    "return from a nested loop": (program("for i in range(9):", "    for j in range(9):", "        if i * j == 12:", "            return i * 10 + j"), 26),
    "tuple assignment": (program("a, b = 3, 4", "a, b = b, a", "return a * 10 + b"), 43),
    "several targets": (program("a = b = 4", "return a * b"), 16),
    "lists": (program("prices = [3, 1, 2]", "return sum(prices) + max(prices) + sorted(prices)[0] + len(prices) + prices[-1]"), 15),
    "min of arguments": (program("return min(3, 1, 2)"), 1),
    "membership": (program("return 1 if 2 in [1, 2] and 3 not in (1, 2) else 0"), 1),
    "math": (program("import math", "return math.ceil(7 / 2) + math.floor(2.9) + math.gcd(12, 18) + math.sqrt(16)"), 16.0),
    "math given": (program("return math.factorial(5)"), 120),
    "module constant": ("RATE = 2\n" + program("return RATE * 3"), 6),
    "helper": ("def area(w, h=2):\n    return w * h\n\n" + program("return area(3) + area(h=5, w=1)"), 11),
    "recursion": ("def f(n):\n    return 1 if n < 2 else n * f(n - 1)\n" + program("return f(6)"), 720),
    "local hides global": ("x = 1\n" + program("x = 2", "return x"), 2),
    "annotation": ("def solution() -> int:\n    x: int = 3\n    return x\n", 3),
    "print": (program("print('thinking', 1)", "return 2"), 2),
    "text": (program("return 'B'"), "B"),
    "truth value": (program("return 3 > 2"), True),
    "list of one": (program("return [7]"), "[7]"),
    "int of text": (program("return int('12') + float('0.5') + int(3.9)"), 15.5),
    "docstring with odd words": ('def solution():\n    """Each class yields 5, a global yield."""\n    return 5\n', 5),
    "large integers": (program("return 2 ** 1000 // 2 ** 990"), 1024),
}  # fmt: skip


@pytest.mark.parametrize(("source", "value"), ANSWERS.values(), ids=ANSWERS)
def test_answers_what_python_answers(source, value):
    answer = evaluate(source)
    assert answer == pytest.approx(value)
    assert type(answer) is type(value)


@pytest.fixture(scope="module")
def pool():
    try:
        workers = isolation.Pool(isolation.kinds_here())
    except isolation.NotIsolatedError as error:
        pytest.skip(str(error))
    yield workers
    workers.close()


def test_python_itself_agrees_with_these_answers(pool):
    outcomes = pool.run([source for source, _ in ANSWERS.values()], 5.0)
    assert [outcome.get("value", outcome) for outcome in outcomes] == pytest.approx([v for _, v in ANSWERS.values()])


FAILURES = {
    "division": (program("return 1 / 0"), "ZeroDivisionError"),
    "undefined": (program("return apples"), "NameError"),
    "index": (program("return [1][3]"), "IndexError"),
    "types": (program("return 1 + 'a'"), "TypeError"),
    "domain": (program("return math.sqrt(-1)"), "ValueError"),
    "overflow": (program("return 1e308 ** 2"), "OverflowError"),
    "missing argument": ("def f(a):\n    return a\n" + program("return f()"), "TypeError"),
    "syntax": ("def solution():\n    return 5 apples\n", "SyntaxError"),
    "indentation": ("def solution():\nreturn 5\n", "SyntaxError"),
}


@pytest.mark.parametrize(("source", "error"), FAILURES.values(), ids=FAILURES)
def test_errors_are_pythons(source, error, pool):
    with pytest.raises(Failed, match=error):
        evaluate(source)
    isolated = pool.run([source], 5.0)[0]["error"]
    assert isolated.startswith(error.replace("SyntaxError", "")), isolated


DECLINED = {
    "attribute": program("return (1).real"),
    "method": program("a = [1]", "a.append(2)", "return a[1]"),
    "import": "import datetime\n" + program("return 1"),
    "from math": "from math import sqrt\n" + program("return sqrt(4)"),
    "other math": program("return math.nextafter(1, 2)"),
    "math renamed": program("math = 5", "return math.pi"),
    "comprehension": program("return sum(x for x in (1, 2))"),
    "lambda": program("return (lambda: 1)()"),
    "class": "class A:\n    pass\n" + program("return 1"),
    "try": program("try:", "    return 1", "except ValueError:", "    return 2"),
    "with": program("with 1:", "    return 1"),
    "global": "x = 1\n" + program("global x", "x = 2", "return x"),
    "yield after return": program("return 1", "yield 2"),
    "format": program("return int('%d' % 3)"),
    "format with a float": program("return '%0999999f' % 1.5"),
    "f-string": program("return f'{1}'"),
    "nested function": program("def f():", "    return 1", "return f()"),
    "function as a value": program("f = max", "return f(1, 2)"),
    "builtin hidden": "max = 3\n" + program("return max(1, 2)"),
    "local before global": "x = 1\n" + program("y = x", "x = 2", "return y"),
    "list that changes": program("a = [1]", "b = a", "b += [2]", "return len(a)"),
    "list in a list": program("return [[1], 2][1]"),
    "slice": program("return [1, 2, 3][1:][0]"),
    "complex": program("return (-8) ** (1 / 3)"),
    "dunder": program("return __name__"),
    "keyword": program("return max([1, 2], key=abs)"),
    "starred": program("return max(*[1, 2])"),
    "decorator": "@print\n" + program("return 1"),
    "float in a long range": program("return 1 if 0.5 in range(10**15) else 0"),
    "sum of a long range": program("return sum(range(10**9))"),
    "power tower": program("return 10**10**8"),
    "three-argument power": program("return pow(2, 10**9, 7)"),
    "rounding to many digits": program("return round(5, -10**9)"),
    "large factorial": program("return math.factorial(10**6)"),
    "large product": program("return math.prod([2**4000] * 5000)"),
    "long text": program("return len('a' * 10**9)"),
    "long list": program("return len([0] * 10**9)"),
    "endless loop": program("while True:", "    pass"),
    "deep recursion": program("return solution()"),
    "growing text": program("s = 'ab'", "while True:", "    s += s"),
    "growing number": program("n = 3", "while True:", "    n = n * n"),
}


@pytest.mark.parametrize("source", DECLINED.values(), ids=DECLINED)
def test_everything_else_is_declined_soon(source):
    start = time.perf_counter()
    with pytest.raises(Declined):
        evaluate(source)
    assert time.perf_counter() - start < 1.0


def random_expression(rng: random.Random, names: list[str], depth: int) -> str:
    if depth == 0 or rng.random() < 0.2:
        return rng.choice([*names, str(rng.randint(0, 12)), str(rng.randint(1, 99) / 4)])
    left, right = (random_expression(rng, names, depth - 1) for _ in range(2))
    kind = rng.randrange(8)
    if kind < 5:
        return f"({left} {rng.choice(['+', '-', '*', '/', '//', '%'])} {right})"
    if kind == 5:
        return f"({left} if {right} {rng.choice(['<', '<=', '==', '!='])} {left} else {right})"
    if kind == 6:
        return f"{rng.choice(['abs', 'int', 'float', 'round', 'math.floor', 'math.ceil'])}({left})"
    return f"{rng.choice(['min', 'max'])}({left}, {right}, {rng.randint(0, 9)})"


def random_program(rng: random.Random) -> str:
    lines, names = [], []
    for index in range(rng.randint(1, 6)):
        lines.append(f"v{index} = {random_expression(rng, names, 3)}")
        names.append(f"v{index}")
        if rng.random() < 0.3:
            lines += [f"for i{index} in range({rng.randint(0, 4)}):", f"    v{index} += {rng.choice(names)} - i{index}"]
    return program(*lines, f"return {rng.choice(names)}")


def test_random_programs_have_the_same_outcome_in_python(pool):
    rng = random.Random(7)
    programs = [random_program(rng) for _ in range(300)]
    values = 0
    for source, isolated in zip(programs, pool.run(programs, 5.0), strict=True):
        try:
            mine = {"value": evaluate(source)}
            values += 1
        except Failed as error:
            mine = {"error": str(error)}
        if "value" in mine:
            assert mine == isolated, source
        else:
            assert mine["error"].partition(":")[0] == isolated["error"].partition(":")[0], (source, mine, isolated)
    assert values > 150
