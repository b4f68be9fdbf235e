"""Stages that do not need each other, side by side; DVC by itself runs one after the other.

Every stage is made by `dvc repro`, which judges whether it is up to date and writes dvc.lock. DVC holds no lock while a
stage's command runs, and that is when another process starts the next one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from fnmatch import fnmatchcase
from functools import cache
from graphlib import TopologicalSorter

from stepwise.errors import StepwiseError

Needs = Mapping[str, set[str]]
"""Every stage with the stages that must be made before it."""

ADVICE = (
    "Data and pipelines are up to date.",
    "Use `dvc push`",
    "To track the changes with git",
    "git add ",
    "To enable auto staging",
    "dvc config core.autostage",
)
"""How lines begin with which DVC ends a run: after each of many stages they would drown what these say."""


class SchedulerError(StepwiseError, RuntimeError):
    """DVC cannot tell which stages there are or how they are; the message is its own."""


def stale(patterns: Sequence[str], file: str = "dvc.yaml") -> dict[str, set[str]]:
    """The stages of `file` that are not up to date, or stand behind one that is not, and what each needs of these.

    `patterns` name stages as in a shell (`warm_up*`); these and all that they need are looked at, without any all.
    Raises SchedulerError with DVC's reason, as of a dvc.yaml that is broken or a lock that another process holds.
    """
    from dvc.exceptions import DvcException

    try:
        return _stale(patterns, file)
    except DvcException as error:
        raise SchedulerError(str(error)) from error


def _stale(patterns: Sequence[str], file: str) -> dict[str, set[str]]:
    import networkx
    from dvc.repo import Repo, lock_repo

    found: dict[str, set[str]] = {}
    with Repo() as repo, lock_repo(repo):
        graph = repo.index.graph
        wanted = {stage for stage in graph if stage.path_in_repo == file}
        if patterns:
            wanted = {stage for stage in wanted if any(fnmatchcase(stage.addressing, one) for one in patterns)}
        wanted |= {needed for stage in wanted for needed in networkx.descendants(graph, stage)}
        for stage in networkx.dfs_postorder_nodes(graph):
            if stage in wanted:
                needs = {needed.addressing for needed in graph.successors(stage)} & found.keys()
                if needs or stage.changed():
                    found[stage.addressing] = needs
    return found


def run(stages: Needs, jobs: int, make: Callable[[str], int]) -> list[str]:
    """Call `make` for every stage after those it needs, at most `jobs` at once; of ready ones the longest chain first.

    `make` returns an exit code. After a failure no more are started, and those at work are waited for. Returns the
    stages that failed, in the order in which they did.
    """
    failed: list[str] = []
    made = 0
    order = TopologicalSorter(stages)
    order.prepare()
    length = _chains(stages)
    ready: list[str] = []
    running: dict[Future[int], str] = {}
    with ThreadPoolExecutor(jobs) as pool:
        while True:
            ready = sorted([*ready, *order.get_ready()], key=length, reverse=True)
            while ready and len(running) < jobs and not failed:
                stage = ready.pop(0)
                running[pool.submit(make, stage)] = stage
            if not running:
                return failed
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                stage = running.pop(future)
                if future.result():
                    failed.append(stage)
                else:
                    made += 1
                order.done(stage)
                sys.stderr.write(f"{made} of {len(stages)} stages are made, {len(running)} at work\n")


def dvc_repro(stage: str, environment: Mapping[str, str]) -> int:
    """One stage in a process of its own. It says whole lines, each with the stage's name in front."""
    command = ["dvc", "--wait-for-lock", "repro", "--single-item", stage]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as process:
        for line in process.stdout or ():
            if line.strip() and not line.strip().startswith(ADVICE):
                sys.stderr.write(f"{stage} | {line}")
    return process.returncode


def _chains(stages: Needs) -> Callable[[str], int]:
    """How many stages the longest chain has that begins with a stage and ends with one that nothing needs."""
    behind = {stage: [other for other, needs in stages.items() if stage in needs] for stage in stages}

    @cache
    def length(stage: str) -> int:
        return 1 + max(map(length, behind[stage]), default=0)

    return length
