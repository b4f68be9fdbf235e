"""Runs a pipeline of datatrove steps, in local processes or as a Slurm array. The steps are the same objects.

A finished task leaves a mark in the log folder, so that a killed run resumes with the unfinished tasks.
"""

from __future__ import annotations

import ctypes
import json
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from copy import deepcopy
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor, SlurmPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.logging import logger

from stepwise.cluster import slurm
from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.params.rationalyst import SlurmArray

log = logging.getLogger(__name__)
logger.disable("datatrove")
POLL_SECONDS = 5.0

Counts = dict[str, int]


class LocalExecutor(LocalPipelineExecutor):
    """datatrove's local executor without its manager process, which survives a kill; our workers do not survive it."""

    pipeline: list[Any]

    def run(self) -> None:
        """Run the unfinished tasks.

        Raises:
            CorpusError: a worker was killed, as when memory runs out.
        """
        self._launched = True
        ranks = self.get_incomplete_ranks()
        if min(self.workers, len(ranks)) < 2:
            steps = self.pipeline
            for rank in ranks:
                self.pipeline = deepcopy(steps)
                self._run_for_rank(rank)
            return
        context = multiprocessing.get_context("fork")
        try:
            with ProcessPoolExecutor(self.workers, context, initializer=_die_with_parent) as pool:
                for _ in pool.map(self._run_for_rank, ranks):
                    pass
        except BrokenProcessPool as error:
            raise CorpusError(
                "a worker was killed, as happens when memory runs out; run it again to resume, or use fewer workers"
            ) from error


def run(
    steps: Sequence[PipelineStep], name: str, *, tasks: int, workers: int, array: SlurmArray | None, work: Path
) -> Counts:
    """Run a pipeline over `tasks` tasks, on this machine or on Slurm, and wait for it.

    Args:
        steps: datatrove steps; each task runs all of them.
        name: name of the phase; its marks and logs go to `work/logs/name`.
        tasks: number of tasks.
        workers: local processes at a time.
        array: resources of the Slurm array; None runs on this machine.
        work: folder for work in progress; on Slurm all nodes must share it.

    Returns:
        What the steps counted (`stat_update`), over all tasks, including those that an earlier run finished.

    Raises:
        CorpusError: a worker was killed, or a Slurm job ended without finishing its tasks.
    """
    logs = (work / "logs" / name).absolute()
    if array is None:
        LocalExecutor(list(steps), tasks=tasks, workers=workers, logging_dir=str(logs)).run()
    else:
        _run_on_slurm(list(steps), name, tasks, array, logs)
    return counts(logs)


def counts(logs: Path) -> Counts:
    """Sums of what the steps of a finished phase counted."""
    totals: Counts = {}
    for file in sorted((logs / "stats").glob("*.json")):
        for step in json.loads(file.read_text(encoding="utf-8")):
            for name, value in step["stats"].items():
                total = value["total"] if isinstance(value, dict) else value
                totals[name] = totals.get(name, 0) + int(total)
    return dict(sorted(totals.items()))


def _run_on_slurm(steps: list[Any], name: str, tasks: int, array: SlurmArray, logs: Path) -> None:
    """Submit the array and wait. The job runs with this Python and this import path."""
    executor = SlurmPipelineExecutor(
        steps, tasks=tasks, time=array.time, partition=array.partition, mem_per_cpu_gb=array.memory_gb, qos="",
        job_name=f"stepwise-{name}", logging_dir=str(logs), mail_type="NONE", requeue_signals=None,
        env_command=f'export PATH="{Path(sys.executable).parent}:$PATH" PYTHONPATH="{os.pathsep.join(sys.path)}"',
    )  # fmt: skip
    executor.run()
    while executor.get_incomplete_ranks(skip_completed=True):
        state = slurm.state(str(executor.job_id))
        if state is None or state.failed:
            if not executor.get_incomplete_ranks(skip_completed=True):
                break
            raise CorpusError(
                f"the Slurm job {executor.job_id} ended before all tasks of {name} were done "
                f"({slurm.describe(str(executor.job_id))}); its output is in {logs}; run it again to resume"
            )
        time.sleep(POLL_SECONDS)


def _die_with_parent() -> None:
    """Ask Linux for SIGKILL when the main process dies, so that a rerun never competes with orphaned workers."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
