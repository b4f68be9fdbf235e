"""The worker's side: it needs only the standard library, and accepts from a program's pipe only what it can trust."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from stepwise.tasks.sandbox.jail import namespaces, seccomp, worker

FOLDER = Path(worker.__file__).parent


def test_the_jail_needs_nothing_but_the_standard_library():
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert all(alias.name.partition(".")[0] in sys.stdlib_module_names for alias in node.names)
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert str(node.module).partition(".")[0] in sys.stdlib_module_names


def test_only_one_whole_message_with_the_secret_counts():
    secret = b"s" * 16
    good = secret + b'{"value": 3}'
    assert worker._outcome(good, secret, 0, 2.0) == {"value": 3}
    for forged in (
        b'{"value": 3}',
        good + good,
        good[:-1],
        b"x" + good,
        secret + b"3",
        secret + b'{"value": 3, "x": 1}',
    ):
        assert "error" in worker._outcome(forged, secret, 0, 2.0)
    assert worker._outcome(None, secret, 9, 2.0) == {"error": "ran longer than 2 s"}
    assert worker._outcome(b"", secret, 11, 2.0) == {"error": "ended without a result (signal 11)"}
    assert worker._outcome(b"", secret, 256, 2.0) == {"error": "ended without a result (exit 1)"}


def test_visible_folders_hold_the_library_and_none_holds_another():
    folders = namespaces.visible_folders()
    assert "/" not in folders
    assert any(Path(ast.__file__).is_relative_to(folder) for folder in folders)
    assert not any(a != b and Path(a).is_relative_to(b) for a in folders for b in folders)


def test_the_call_filter_is_whole_instructions_that_deny_by_default():
    code = seccomp.compiled()
    if code is None:
        return
    assert len(code) % 8 == 0
    assert len(code) // 8 < 4096
    assert code[-8:] == seccomp._instruction(0x06, 0x00050000 | 1)
    for calls in (seccomp._X86_64, seccomp._AARCH64):
        assert len(set(calls.values())) == len(calls)
        assert not {"clone", "fork", "execve", "socket", "kill", "ptrace", "mount", "openat"} & set(calls)
