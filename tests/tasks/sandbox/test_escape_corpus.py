"""Hostile programs: each ends as it must, touches nothing outside, and leaves nothing behind for the next."""

from __future__ import annotations

import os
import re
import shutil
import socket
from pathlib import Path

import pytest

from stepwise.tasks.sandbox import isolation
from stepwise.tasks.sandbox.interpreter import Declined, Failed, evaluate
from stepwise.tasks.sandbox.programs import run_programs
from tests.tasks.sandbox.escapes import Case, corpus

ANY = ("dunder walk", "patch builtins", "patch json")
"""Programs that may end any way, as long as they change nothing."""
TIMEOUT = 0.5


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory):
    """A secret file, a listening port and a secret in the environment, and what is left of them afterwards."""
    folder = tmp_path_factory.mktemp("outside")
    canary = folder / "canary"
    canary.write_text("secret-of-the-canary")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        os.environ["STEPWISE_CANARY"] = "secret-of-the-environment"
        yield canary, listener
        del os.environ["STEPWISE_CANARY"]
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert canary.read_text() == "secret-of-the-canary"
    assert [path.name for path in folder.iterdir()] == ["canary"]


@pytest.fixture(scope="module")
def cases(surroundings) -> list[Case]:
    canary, listener = surroundings
    return corpus(str(canary), listener.getsockname()[1], str(canary.parent), os.getpid())


@pytest.fixture(scope="module", params=["unshare", "bwrap"])
def kind(request):
    if request.param == "bwrap" and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    return request.param


def test_corpus_is_large(cases):
    assert len(cases) >= 40
    assert len({case.name for case in cases}) == len(cases)


def test_every_program_ends_as_it_must_in_isolation(cases, kind, surroundings):
    try:
        pools = {modules: isolation.Pool([kind], modules, workers=2) for modules in ((), ("sympy",))}
    except isolation.NotIsolatedError as error:
        pytest.skip(str(error))
    faults = []
    for case in cases:
        pool = pools[("sympy",) if "sympy" in case.source else ()]
        outcome = pool.run([case.source], TIMEOUT)[0]
        if case.name not in ANY and not _as_it_must(case, outcome):
            faults.append((case.name, outcome))
        assert "secret-of" not in str(outcome), case.name
        assert _descendants(pool) <= _resting(kind, pool), f"{case.name} left a process behind"
    for pool in pools.values():
        pool.close()
    assert not faults, faults


def test_namespaces_and_limits_hold_without_a_call_filter(cases, surroundings, monkeypatch):
    without = "import jail.seccomp; jail.seccomp._MACHINES.clear(); main("
    monkeypatch.setattr(isolation, "_BOOT", isolation._BOOT.replace("main(", without))
    try:
        pool = isolation.Pool(["unshare"], workers=1)
    except isolation.NotIsolatedError as error:
        pytest.skip(str(error))
    wanted = ("fork", "signal", "write", "make", "read", "list", "proc", "connect", "mount", "new", "trace", "raise")
    for case in cases:
        if case.name.startswith(wanted):
            outcome = pool.run([case.source], TIMEOUT)[0]
            assert "secret-of" not in str(outcome), case.name
            assert _descendants(pool) <= _resting("unshare", pool), f"{case.name} left a process behind"
            if case.name not in (
                "fork",
                "fork bomb",
                "signal the parent",
                "signal everybody",
                "trace the worker",
                "new namespace",
            ):
                assert _as_it_must(case, outcome), (case.name, outcome)
    assert pool.run([_needs_isolation(6)], TIMEOUT) == [{"value": 6}]
    pool.close()


def test_the_ladder_gives_each_program_to_the_right_step(cases):
    for case in cases:
        try:
            value = evaluate(case.source)
            error = ""
        except Failed as failure:
            value, error = None, str(failure)
        except Declined:
            assert not case.evaluated, f"{case.name} should be evaluated"
            continue
        assert case.evaluated, f"{case.name} should not be evaluated"
        outcome = {"error": error} if error else {"value": value}
        assert _as_it_must(case, outcome), (case.name, outcome)


def test_programs_run_together_do_not_mix(cases):
    harmless = [case for case in cases if case.value is not None]
    outcomes = run_programs([case.source for case in harmless] * 2, timeout=5.0)
    for case, outcome in zip(harmless * 2, outcomes, strict=True):
        assert outcome.value == pytest.approx(case.value), (case.name, outcome)
        assert outcome.error is None
        assert (outcome.isolation == "evaluator") == case.evaluated


def test_without_isolation_programs_are_refused_with_the_remedy(monkeypatch):
    monkeypatch.delenv(isolation.UNSAFE_FLAG, raising=False)
    monkeypatch.setattr(isolation, "kinds_here", lambda: [])
    isolation.close()
    try:
        with pytest.warns(RuntimeWarning, match="install bubblewrap"):
            refused, evaluated = run_programs([_needs_isolation(1), "def solution():\n    return 2\n"])
        assert refused.value is None
        assert refused.isolation == "refused"
        assert isolation.UNSAFE_FLAG in (refused.error or "")
        assert evaluated.value == 2
    finally:
        isolation.close()


def test_the_unsafe_flag_runs_programs_and_says_so(monkeypatch):
    monkeypatch.setattr(isolation, "kinds_here", lambda: ["unsafe"])
    isolation.close()
    try:
        outcome = run_programs([_needs_isolation(3)])[0]
        assert (outcome.value, outcome.isolation) == (3, "unsafe")
    finally:
        isolation.close()


def test_the_unsafe_flag_comes_last(monkeypatch):
    monkeypatch.setenv(isolation.UNSAFE_FLAG, "1")
    assert isolation.kinds_here()[-1] == "unsafe"
    monkeypatch.delenv(isolation.UNSAFE_FLAG)
    assert "unsafe" not in isolation.kinds_here()


def test_a_killed_worker_is_replaced():
    pool = isolation.Pool(isolation.kinds_here(), workers=1)
    try:
        pool._workers[0].process.kill()
        outcomes = pool.run([_needs_isolation(4), _needs_isolation(5)], 2.0)
        assert outcomes[-1] == {"value": 5}
    finally:
        pool.close()


def _needs_isolation(value: int) -> str:
    return f"def solution():\n    return [x for x in ({value},)][0]\n"


def _as_it_must(case: Case, outcome: dict) -> bool:
    if case.error:
        return "value" not in outcome and re.search(case.error, outcome["error"]) is not None
    return "value" in outcome and outcome["value"] == case.value


def _resting(kind: str, pool: isolation.Pool) -> int:
    """Processes of a pool at rest: a worker and what waits outside of its namespaces."""
    return len(pool._workers) * (3 if kind == "bwrap" else 2)


def _descendants(pool: isolation.Pool) -> int:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    processes = {worker.process.pid for worker in pool._workers}
    while more := {pid for pid, parent in parents.items() if parent in processes} - processes:
        processes |= more
    return len(processes)
