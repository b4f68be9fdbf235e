"""Kills stages with SIGKILL at random points, runs them again, and compares the bytes with an undisturbed run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SEED = "STEPWISE_KILL_SEED"
POLL_SECONDS = 0.002


@dataclass(frozen=True)
class Stage:
    """A stage that can be started as a process, the folder of its work in progress, and its outputs."""

    start: Callable[[], subprocess.Popen[str]]
    work: Path
    outs: list[Path]

    def run(self, look: Callable[[], object] = lambda: None) -> str:
        """Run it to its end, calling `look` all the while. Returns its output."""
        process = self.start()
        while process.poll() is None:
            look()
            time.sleep(POLL_SECONDS)
        output, _ = process.communicate()
        assert process.returncode == 0, output
        return output

    def kill_when(self, reached: Callable[[], bool], pause: float = 0.0) -> None:
        """Start it and kill it `pause` seconds after `reached`; it has published nothing by then."""
        process = self.start()
        while not reached():
            assert process.poll() is None, f"it ended before it could be killed\n{process.communicate()[0]}"
            time.sleep(POLL_SECONDS)
        time.sleep(pause)
        process.kill()
        process.communicate()
        assert not any(path.exists() for path in self.outs)

    def digest(self) -> dict[str, str]:
        """The hash of every output file; `tokens_per_second` and the like are in MLflow, not in files."""
        files = [file for path in self.outs for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}

    def remove(self) -> None:
        for path in self.outs:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


class Journals:
    """The journals of a stage as hard links, because the stage removes its work in the end."""

    def __init__(self, work: Path, pattern: str, kept: Path) -> None:
        self.work, self.pattern, self.kept = work, pattern, kept
        kept.mkdir()

    def whole(self) -> dict[str, bytes]:
        """The whole lines of each journal so far."""
        with contextlib.suppress(FileNotFoundError):  # a folder may be removed while it is listed
            for path in self.work.glob(self.pattern):
                link = self.kept / "-".join(path.relative_to(self.work).parts[1:])
                if not link.exists():
                    os.link(path, link)
        contents = {link.name: link.read_bytes() for link in sorted(self.kept.iterdir())}
        return {name: content[: content.rfind(b"\n") + 1] for name, content in contents.items()}

    def count(self) -> int:
        """The number of batches in the journals."""
        return sum(content.count(b"\n") for content in self.whole().values())


def kill_point_generator() -> random.Random:
    """The generator that draws kill points. A failing test prints its seed; the environment variable sets it again."""
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(1 << 32))
    print(f"kill points: {SEED}={seed}")
    return random.Random(seed)


def survives_kills_in_training(stage: Stage, kills: int = 1) -> None:
    """Kill it one or two checkpoints after the last kill, each time: with nine, after the first and before the last."""
    generator = kill_point_generator()
    stage.run()
    undisturbed = stage.digest()
    stage.remove()
    seen: set[str] = set()
    for _ in range(kills):
        wanted = len(seen) + generator.randint(1, 2)

        def reached(wanted: int = wanted) -> bool:
            seen.update(path.name for path in stage.work.glob("*/training/checkpoint-*"))
            return len(seen) >= wanted

        stage.kill_when(reached, pause=generator.random() * 0.05)
    assert "resuming after step" in stage.run()
    assert stage.digest() == undisturbed


def survives_a_kill_in_a_pass(stage: Stage, pattern: str, folder: Path) -> None:
    """Kill it before two thirds of its batches: the same bytes in the end, and no batch of the journals computed again.

    `pattern` matches the journals below the stage's work; copies are kept in `folder`.
    """
    generator = kill_point_generator()
    first = Journals(stage.work, pattern, folder / "undisturbed")
    stage.run(first.whole)
    undisturbed, batches = stage.digest(), first.count()
    stage.remove()
    journals = Journals(stage.work, pattern, folder / "killed")
    wanted = generator.randint(1, max(1, batches * 2 // 3))
    stage.kill_when(lambda: journals.count() >= wanted)
    before = journals.whole()
    assert 0 < journals.count() < batches, f"killed after {journals.count()} of {batches}"
    stage.run(journals.whole)
    assert stage.digest() == undisturbed
    after = journals.whole()
    assert journals.count() == batches
    for name, content in after.items():
        keys = [json.loads(line)["key"] for line in content.splitlines()]
        assert content.startswith(before.get(name, b""))
        assert len(keys) == len(set(keys)), "a batch of the journal was computed again"


DYING = """
import importlib, itertools, os, runpy, signal, sys

for name in sys.argv[1].split(","):
    importlib.import_module(name)

def writes(event, args):
    if event == "open":
        return isinstance(args[1], str) and not args[1].startswith("r")
    return event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir")

def die_at(number):
    left = [number]
    def hook(event, args):
        if writes(event, args):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

sys.argv = sys.argv[2:]
for number in itertools.count(1):
    child = os.fork()
    if not child:
        die_at(number)
        runpy.run_path(sys.argv[0], run_name="__main__")
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else "ended", flush=True)
    if not os.WIFSIGNALED(status):
        break
    input()
"""
"""Runs a stage repeatedly in a forked child that dies before its first, second, ... change to the disk.

Its arguments are the names of modules to import before forking, and the stage's command line.
"""


def leaves_old_or_new_outputs(
    stage: Stage, start: Callable[..., subprocess.Popen[str]], modules: Sequence[str]
) -> None:
    """Kill it before every change to the disk: each output is the old one or the new one; a folder may be missing.

    The stage has no model and has the outputs `out` and `metrics`. `start` starts Python with its arguments and the
    stage's command line after them; `modules` are what the stage imports.
    """
    stage.run()
    new, folder = stage.digest(), stage.outs[0].is_dir()
    files = [Path(file) for file in new]
    for file in files:
        file.write_text("old\n")
    old = stage.digest()
    seen = set()
    arguments = ("-c", DYING, ",".join(("stepwise.stage", *modules)))
    with start(*arguments, stdin=subprocess.PIPE, stderr=None) as dying:
        assert dying.stdin is not None
        assert dying.stdout is not None
        while dying.stdout.readline() == "killed\n":
            digest = stage.digest()
            for path in stage.outs:
                states = {"old": _under(path, old), "new": _under(path, new)}
                if folder and path.name == "out":
                    states["missing"] = {}
                state = next((word for word, known in states.items() if known == _under(path, digest)), "half")
                seen.add(f"{path.name} {state}")
            for file in files:
                file.parent.mkdir(exist_ok=True)
                file.write_text("old\n")
            dying.stdin.write("\n")
            dying.stdin.flush()
    assert stage.digest() == new
    assert {"out old", "out new", "metrics old"} <= seen
    assert not any(word.endswith("half") for word in seen), seen


def _under(path: Path, digest: dict[str, str]) -> dict[str, str]:
    return {name: known for name, known in digest.items() if Path(name).is_relative_to(path)}
