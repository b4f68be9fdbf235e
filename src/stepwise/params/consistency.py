"""Checks across keys: whether a run makes what its stages start from. Each method checks its own keys with these."""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.params import Params, ParamsError


def check_tasks(params: Params, key: str, tasks: Sequence[str]) -> None:
    """Raise ParamsError if `key` names a task that is not among the run's."""
    for task in tasks:
        if task not in params.tasks:
            raise ParamsError(f"{key} names {task}, which is not among the tasks; choose it too: task=[...,{task}]")


def check_warmed_up(params: Params, key: str, tasks: Sequence[str]) -> None:
    """Raise ParamsError if `key` names a task that is not among the run's, or that no model is warmed up on."""
    check_tasks(params, key, tasks)
    for task in tasks:
        if task not in params.warm_up_tasks:
            raise ParamsError(f"{key} names {task}, which no model is warmed up on; add it to warm_up_tasks")


def check_models(params: Params, key: str, models: Sequence[str]) -> None:
    """Raise ParamsError if `key` names a base model that is not among the run's."""
    for model in models:
        if model not in params.models:
            raise ParamsError(f"{key} names {model}, which is not among the models; choose it too: model=[...,{model}]")


def check_folder(params: Params, key: str, folder: str, group: str) -> None:
    """Raise ParamsError if `key` is a folder below models/ that no stage makes with the chosen models.

    `group` is the Hydra group whose entry names the folder. Other folders and hub ids are taken as they are.
    """
    if folder.startswith("models/") and folder not in _folders(params):
        raise ParamsError(
            f"{key} is {folder}, which no stage makes with the chosen models; "
            f"choose its model too (model=[...], instruct=[...]) or another {group}"
        )


def _folders(params: Params) -> set[str]:
    """The folders of models that the stages shared by all methods make."""
    folders = {f"models/base/{model}" for model in params.models}
    folders |= {f"models/instruct/{name}" for name in params.instructs}
    warmed_up = ((task, model) for task in params.warm_up_tasks for model in params.warm_up_models)
    return folders | {f"models/warm_up/{task}-{model}" for task, model in warmed_up}
