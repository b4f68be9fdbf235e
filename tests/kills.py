"""Stages killed with SIGKILL at points drawn from a printed seed, and run again to the bytes of an undisturbed run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SEED = "STEPWISE_KILL_SEED"
POLL_SECONDS = 0.002


@dataclass(frozen=True)
class Stage:
    """A stage that can be started as a process, where its work in progress lies, and what it makes."""

    start: Callable[[], subprocess.Popen[str]]
    work: Path
    outs: list[Path]

    def run(self, look: Callable[[], object] = lambda: None) -> str:
        """Run it to its end, looking on all the while; gives what it said."""
        process = self.start()
        while process.poll() is None:
            look()
            time.sleep(POLL_SECONDS)
        said, _ = process.communicate()
        assert process.returncode == 0, said
        return said

    def kill_when(self, reached: Callable[[], bool], pause: float = 0.0) -> None:
        """Start it and kill it so many seconds after `reached`; it has published nothing by then."""
        process = self.start()
        while not reached():
            assert process.poll() is None, f"it ended before it could be killed\n{process.communicate()[0]}"
            time.sleep(POLL_SECONDS)
        time.sleep(pause)
        process.kill()
        process.communicate()
        assert not any(path.exists() for path in self.outs)

    def digest(self) -> dict[str, str]:
        """Hash of every file that it made; `tokens_per_second` and the like are in MLflow, not in files."""
        files = [file for path in self.outs for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}

    def remove(self) -> None:
        for path in self.outs:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


class Journals:
    """The journals of a stage as hard links, because it clears its work in the end."""

    def __init__(self, work: Path, pattern: str, kept: Path) -> None:
        self.work, self.pattern, self.kept = work, pattern, kept
        kept.mkdir()

    def whole(self) -> dict[str, bytes]:
        """The whole lines of each journal so far."""
        with contextlib.suppress(FileNotFoundError):  # a folder may go between being found and being looked into
            for path in self.work.glob(self.pattern):
                link = self.kept / "-".join(path.relative_to(self.work).parts[1:])
                if not link.exists():
                    os.link(path, link)
        contents = {link.name: link.read_bytes() for link in sorted(self.kept.iterdir())}
        return {name: content[: content.rfind(b"\n") + 1] for name, content in contents.items()}

    def count(self) -> int:
        """Batches that are written down."""
        return sum(content.count(b"\n") for content in self.whole().values())


def chance() -> random.Random:
    """What kill points are drawn from; a test that fails prints the seed, which the environment can give again."""
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(1 << 32))
    print(f"kill points: {SEED}={seed}")
    return random.Random(seed)


def survives_kills_in_training(stage: Stage, kills: int = 1) -> None:
    """Each kill comes one or two checkpoints after the last; with nine of them always between first and last."""
    drawn = chance()
    stage.run()
    undisturbed = stage.digest()
    stage.remove()
    seen: set[str] = set()
    for _ in range(kills):
        wanted = len(seen) + drawn.randint(1, 2)

        def reached(wanted: int = wanted) -> bool:
            seen.update(path.name for path in stage.work.glob("*/training/checkpoint-*"))
            return len(seen) >= wanted

        stage.kill_when(reached, pause=drawn.random() * 0.05)
    assert "resuming after step" in stage.run()
    assert stage.digest() == undisturbed


def survives_a_kill_in_a_pass(stage: Stage, pattern: str, folder: Path) -> None:
    """Killed after one to two thirds of its batches: the same bytes, no batch of the journals made again.

    `pattern` names the journals below the stage's work, `folder` is where they are kept.
    """
    drawn = chance()
    first = Journals(stage.work, pattern, folder / "undisturbed")
    stage.run(first.whole)
    undisturbed, batches = stage.digest(), first.count()
    stage.remove()
    journals = Journals(stage.work, pattern, folder / "killed")
    wanted = drawn.randint(1, max(1, batches * 2 // 3))
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
        assert len(keys) == len(set(keys)), "a batch that the journal has was made again"
