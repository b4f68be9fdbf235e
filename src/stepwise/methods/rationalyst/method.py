"""RATIONALYST as others see it: what its runs need, its command, its chapter, and its ways of choosing steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stepwise.methods.base import AddCommand, Method, Variants
from stepwise.methods.rationalyst import commands
from stepwise.params import Params, ParamsError
from stepwise.params.consistency import check_folder, check_tasks
from stepwise.params.rationalyst import BASELINES
from stepwise.report import Chapter, Sources
from stepwise.report.chapters.rationalyst import collect

ROLES = ("base", "agent", "scorer", "verifier")


class Rationalyst(Method):
    """Implicit rationales, mined from text, choose another model's next step (arXiv 2410.01044)."""

    chapter_params = ("rationalyst_runs", "rationalyst_transfers")

    def check(self, params: Params) -> None:
        """Every run and transfer needs its task and the models in its roles, and a transfer the run it comes from."""
        check_tasks(params, "rationalyst_tasks", params.rationalyst_tasks)
        for group, setups in (
            ("rationalyst_run", params.rationalyst_runs),
            ("rationalyst_transfer", params.rationalyst_transfers),
        ):
            for name, setup in setups.items():
                key = f"{group}s.{name}"
                check_tasks(params, f"{key}.task", [setup.task])
                for role in ROLES:
                    if folder := getattr(setup, role, None):
                        check_folder(params, f"{key}.{role}", folder, group)
        for name, transfer in params.rationalyst_transfers.items():
            if transfer.run not in params.rationalyst_runs:
                raise ParamsError(
                    f"rationalyst_transfers.{name}.run is {transfer.run}, which is not among the runs; "
                    f"choose it too: rationalyst_run=[...,{transfer.run}]"
                )

    def add_commands(self, add: AddCommand) -> None:
        """`explain`."""
        commands.add_explain(add)

    def chapter(self, params: Params, sources: Sources) -> Chapter:
        """Ways of choosing steps, the filter's counts, examples of notes, and two studies."""
        runs = [*params.rationalyst_runs, *params.rationalyst_transfers]
        notes = sources.data / "rationalyst" if sources.data else None
        return collect(sources.metrics / "rationalyst", runs, notes, sources.studies)

    def variants(self, params: Params) -> Sequence[Variants]:
        """The ways of choosing an agent's steps, by run."""
        return [
            Variants(run.task, name, Path("rationalyst", name), BASELINES)
            for name, run in params.rationalyst_runs.items()
        ]

    def without_demonstrations(self, params: Params) -> Sequence[str]:
        """The runs that are no demonstrations."""
        runs = [name for name, run in params.rationalyst_runs.items() if not run.demonstration]
        return [f"rationalyst_run=[{','.join(runs)}]"]
