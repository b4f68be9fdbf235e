# ruff: noqa: E501 - a table reads best with a row a line
"""Programs that try to get out, to stay, to take everything or to lie, each with the outcome it must have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    source: str
    value: float | str | None = None
    error: str = ""
    """A pattern that the error has to contain; empty where a value is expected."""
    evaluated: bool = False
    """Whether the restricted interpreter answers it, so that nothing is executed."""


def body(*lines: str) -> str:
    return "def solution():\n" + "\n".join(f"    {line}" for line in lines) + "\n"


# `os` by way of the class hierarchy: what a program that really wants out starts with
REACH = (
    "os = [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0].__init__.__globals__",
    "load = os['__builtins__']['__import__'] if isinstance(os['__builtins__'], dict) else os['__builtins__'].__import__",
)


def reaching(*lines: str) -> str:
    return body(*REACH, *lines)


def corpus(canary: str, port: int, folder: str, parent: int) -> list[Case]:
    """The programs; they know a secret file, a listening port, a writable folder and the parent's process id."""
    return [
        # plain programs, as controls
        Case("plain", body("a = 344", "b = 136", "result = a - b", "return result"), 208, evaluated=True),
        Case("comprehension", body("return sum([x * 2 for x in range(4)])"), 12),
        Case("helper", "import math\n\ndef half(x):\n    return x / 2\n\n" + body("return half(math.sqrt(16))"), 2, evaluated=True),
        Case("sympy", body("import sympy", "x = sympy.symbols('x')", "return sympy.solve(2 * x - 10, x)[0]"), 5),
        Case("datetime", body("import datetime", "a = datetime.date(2024, 3, 1)", "return (a - datetime.date(2024, 2, 1)).days"), 29),
        Case("fractions", "from fractions import Fraction\n" + body("return Fraction(1, 4) + Fraction(1, 4)"), 0.5),
        # reaching for what is not there
        Case("dunder walk", body("return len(().__class__.__bases__[0].__subclasses__())"), error="", value=None),
        Case("format field access", body("return '{0.__class__.__mro__}'.format(1)"), "(<class 'int'>, <class 'object'>)"),
        Case("format to globals", body("return '{0.__globals__[__builtins__]}'.format(solution)[:2] == '{}'"), 0),
        Case("import os", "import os\n" + body("return os.getpid()"), error="cannot import os"),
        Case("import inside", body("import subprocess", "return 1"), error="cannot import subprocess"),
        Case("dunder import", body("return __import__('os').getpid()"), error="cannot import os"),
        Case("relative import", body("from . import worker", "return 1"), error="Import|Key"),
        Case("eval", body("return eval('1 + 1')"), error="NameError"),
        Case("exec", body("exec('x = 1')", "return 1"), error="NameError"),
        Case("open", body(f"return open({canary!r}).read()"), error="NameError"),
        Case("input", body("return input()"), error="NameError"),
        Case("breakpoint", body("breakpoint()", "return 1"), error="NameError"),
        Case("unicode identifiers", body("ﬁle = ()", "return ﬁle.__ｃlass__.__name__"), "tuple"),
        Case("read the secret", reaching(f"return os['__builtins__']['open']({canary!r}).read()"), error="Error"),
        Case("list the folder", reaching(f"return str(os['listdir']({folder!r}))"), error="FileNotFoundError"),
        Case("proc environ", reaching("return os['__builtins__']['open']('/proc/self/environ').read()"), error="FileNotFound"),
        Case("environment", reaching("return ' '.join(sorted(os['environ']))"), ""),
        Case("password file", reaching("return len(os['listdir']('/etc'))"), error="FileNotFoundError"),
        # acting on the outside
        Case("write a file", reaching(f"os['open']({folder + '/written'!r}, 65)", "return 1"), error="Error"),
        Case("write the secret", reaching(f"os['open']({canary!r}, 1)", "return 1"), error="Error"),
        Case("write into the library", reaching("os['open'](os['__file__'], 1)", "return 1"), error="PermissionError|OSError"),
        Case("make a folder", reaching("os['mkdir']('/here')", "return 1"), error="PermissionError|OSError"),
        Case("connect", reaching(
            "socket = load('socket')", "s = socket.socket()", f"s.connect(('127.0.0.1', {port}))", "return 1"
        ), error="Error"),
        Case("connect by name", reaching("socket = load('socket')", "return socket.create_connection(('example.org', 80)) and 1"), error="Error|error"),
        Case("signal the parent", reaching("os['kill'](os['getppid'](), 9)", "return 1"), error="Error"),
        Case("signal a stranger", reaching(f"os['kill']({parent}, 9)", "return 1"), error="Error"),
        Case("signal everybody", reaching("os['kill'](-1, 9)", "return 1"), error="Error"),
        Case("fork", reaching("return 1 if os['fork']() else 2"), error="Error"),
        Case("fork bomb", reaching("while True:", "    os['fork']()"), error="Error|longer"),
        Case("thread", reaching("threading = load('threading')", "threading.Thread(target=print).start()", "return 1"), error="Error"),
        Case("subprocess", reaching("return load('subprocess').run(['/bin/true']).returncode"), error="Error"),
        Case("replace the process", reaching("os['execv'](os['sys'].executable, ['python', '-c', 'pass'])"), error="Error"),
        Case("new namespace", reaching("ctypes = load('ctypes')", "return ctypes.CDLL(None).unshare(0x10000000)"), -1),
        Case("mount", reaching("c = load('ctypes').CDLL(None)", "return c.mount(b'tmpfs', b'/lib', b'tmpfs', 0, None)"), -1),
        Case("trace the worker", reaching("c = load('ctypes').CDLL(None)", "return c.ptrace(16, os['getppid'](), 0, 0)"), -1),
        Case("raise a limit", reaching("r = load('resource')", "r.setrlimit(r.RLIMIT_AS, (-1, -1))", "return 1"), error="Error"),
        # taking everything
        Case("power tower", body("return 10**10**8"), error="longer|Memory|Overflow"),
        Case("factorial", body("import math", "return math.factorial(10**7)"), error="longer|Memory"),
        Case("shift", body("return 1 << 10**11"), error="Memory|Overflow|longer"),
        Case("memory bomb", body("x = ['a' * 10**6]", "while True:", "    x = x + x"), error="MemoryError|longer|signal"),
        Case("huge list", body("return len([0] * 10**10)"), error="MemoryError"),
        Case("huge text", body("return 'x' * 10**6"), error="too long"),
        Case("text over the pipe", body("return 'x' * 10**8"), error="too long|Memory"),
        Case("infinite loop", body("while True:", "    pass"), error="longer"),
        Case("sleep", reaching("load('time').sleep(60)", "return 1"), error="longer"),
        Case("recursion", body("return solution() + 1"), error="RecursionError"),
        Case("endless output", body("while True:", "    print('x' * 1000)"), error="longer"),
        Case("deep brackets", body("return " + "(" * 5000 + "1" + ")" * 5000), error="SyntaxError", evaluated=True),
        Case("deep signs", body("return " + "-" * 15000 + "1"), error="SyntaxError|MemoryError|RecursionError", evaluated=True),
        Case("too long", body("return 1" + " + 1" * 10000), error="longer than|RecursionError", evaluated=True),
        Case("generator", body("yield 5"), error="generator"),
        Case("infinite generator", body("import itertools", "return sum(itertools.count())"), error="longer"),
        Case("generator trick", body("return 5", "yield"), error="generator"),
        Case("crash", reaching("load('ctypes').string_at(0)", "return 1"), error="without a result .signal 11"),
        # lying
        Case("sys.exit", reaching("os['sys'].exit(0)"), error="SystemExit"),
        Case("os._exit", reaching("os['_exit'](0)"), error="without a result"),
        Case("raise SystemExit", body("raise SystemExit(0)"), error="SystemExit"),
        Case("forged result on stdout", body("print('{\"value\": 42}')", "return 1"), 1, evaluated=True),
        Case("forged result on descriptors", reaching(
            "for d in range(16):",
            "    try:",
            "        os['write'](d, b'\\x00\\x00\\x00\\x0d{\"value\": 42}')",
            "    except OSError:",
            "        pass",
            "os['_exit'](0)",
        ), error="wrote to the pipe"),
        Case("forged before the answer", reaching(
            "for d in range(16):",
            "    try:",
            "        os['write'](d, b'{\"value\": 42}')",
            "    except OSError:",
            "        pass",
            "return 1",
        ), error="wrote to the pipe"),
        Case("solution twice", body("return 1") + "\n" + body("return 42"), error="more than once", evaluated=True),
        Case("solution reassigned", body("return 1") + "\nsolution = lambda: 42\n", error="more than once"),
        Case("solution in globals", body("return [1][0]") + "\nglobals()['solution'] = lambda: 42\n", error="more than once"),
        Case("no solution", "x = 1\n", error="does not define", evaluated=True),
        Case("nan", body("return float('nan')"), error="not finite", evaluated=True),
        Case("infinity", body("return 1e308 * 10"), error="not finite", evaluated=True),
        Case("nan of an object", body("import decimal", "return decimal.Decimal('nan')"), error="not finite"),
        Case("object as a number", "class N:\n    def __float__(self):\n        return 7.0\n" + body("return N()"), 7.0),
        Case("number that lies", "class N(int):\n    def __repr__(self):\n        return '42'\n" + body("return N(1)"), 1),
        Case("text that lies", "class T(str):\n    pass\n" + body("return T('42')"), error="not a number"),
        Case("nothing", body("x = 1"), error="NoneType", evaluated=True),
        Case("division by zero", body("return 1 / 0"), error="ZeroDivisionError", evaluated=True),
        Case("null byte", "def solution():\n    return 1\0", error="SyntaxError", evaluated=True),
        Case("lone surrogate", "def solution():\n    return '\ud800'", error="SyntaxError|UnicodeEncodeError", evaluated=True),
        # staying behind
        Case("patch builtins", reaching(
            "b = os['__builtins__']", "b['sum'] = b['len'] = b['float'] = b['isinstance'] = lambda *a: 42", "return 1"
        ), error="", value=None),
        Case("not patched", body("return sum([x for x in (1, 2)])"), 3),
        Case("patch json", reaching("load('json').dumps = lambda *a, **k: '{\"value\": 42}'", "return 1"), error="", value=None),
        Case("json not patched", body("return [x for x in (1, 2)][1]"), 2),
        Case("patch math", body("import math", "math.sqrt = lambda x: 42", "return [math.sqrt(x) for x in (4,)][0]"), 42),
        Case("math not patched", body("import math", "return [math.sqrt(x) for x in (4,)][0]"), 2),
        Case("at exit", reaching("load('atexit').register(lambda: load('time').sleep(60))", "return 1"), 1),
    ]  # fmt: skip
