"""Runs independent stages in parallel; DVC itself runs one after the other.

Each stage is run by a `dvc repro` of its own, which checks whether it is up to date and writes dvc.lock. DVC holds no
lock while a stage's command runs, so that another process can start the next stage meanwhile.
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

Dependencies = Mapping[str, set[str]]
"""Every stage, with the stages that it depends on."""

ADVICE = (
    "Data and pipelines are up to date.",
    "Use `dvc push`",
    "To track the changes with git",
    "git add ",
    "To enable auto staging",
    "dvc config core.autostage",
)
"""How the lines begin with which DVC ends each run: after every stage they would hide what the stages print."""


class SchedulerError(StepwiseError, RuntimeError):
    """DVC cannot list the stages or their status; the message is DVC's own."""


def stale(patterns: Sequence[str], file: str = "dvc.yaml") -> dict[str, set[str]]:
    """The stages of `file` that are not up to date or depend on one that is not, and which of these each depends on.

    With `patterns` (`warm_up*`, as in a shell), only stages that match and their dependencies. Raises SchedulerError
    with DVC's reason, for instance that dvc.yaml is broken or another process holds the lock.
    """
    from dvc.exceptions import DvcException

    try:
        return _stale(patterns, file)
    except DvcException as error:
        raise SchedulerError(str(error)) from error


def _stale(patterns: Sequence[str], file: str) -> dict[str, set[str]]:
    import networkx
    from dvc.repo import Repo, lock_repo

    outdated: dict[str, set[str]] = {}
    with Repo() as repo, lock_repo(repo):
        graph = repo.index.graph
        wanted = {stage for stage in graph if stage.path_in_repo == file}
        if patterns:
            wanted = {stage for stage in wanted if any(fnmatchcase(stage.addressing, pattern) for pattern in patterns)}
        wanted |= {dependency for stage in wanted for dependency in networkx.descendants(graph, stage)}
        for stage in networkx.dfs_postorder_nodes(graph):
            if stage in wanted:
                dependencies = {other.addressing for other in graph.successors(stage)} & outdated.keys()
                if dependencies or stage.changed():
                    outdated[stage.addressing] = dependencies
    return outdated


def run(stages: Dependencies, jobs: int, run_stage: Callable[[str], int]) -> list[str]:
    """Run every stage after those it depends on, at most `jobs` at once; of those that are ready, longest chain first.

    `run_stage` returns an exit code. After a failure no stage is started, and running ones are waited for. Returns the
    stages that failed, in the order in which they failed.
    """
    failed: list[str] = []
    done = 0
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
                running[pool.submit(run_stage, stage)] = stage
            if not running:
                return failed
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                stage = running.pop(future)
                if future.result():
                    failed.append(stage)
                else:
                    done += 1
                order.done(stage)
                sys.stderr.write(f"{done} of {len(stages)} stages are done, {len(running)} running\n")


def dvc_repro(stage: str, environment: Mapping[str, str]) -> int:
    """Run one stage in a process of its own, and print its lines with the stage's name in front."""
    command = ["dvc", "--wait-for-lock", "repro", "--single-item", stage]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as process:
        for line in process.stdout or ():
            if line.strip() and not line.strip().startswith(ADVICE):
                sys.stderr.write(f"{stage} | {line}")
    return process.returncode


def _chains(stages: Dependencies) -> Callable[[str], int]:
    """The length of the longest chain of stages, each depending on the one before, that begins with a given stage."""
    dependents = {stage: [other for other, needed in stages.items() if stage in needed] for stage in stages}

    @cache
    def length(stage: str) -> int:
        return 1 + max(map(length, dependents[stage]), default=0)

    return length
