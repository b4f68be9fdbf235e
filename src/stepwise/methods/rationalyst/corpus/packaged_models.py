"""Folders of models inside installed packages, found without running the packages' code."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from stepwise.models.loading import ModelError

PREFIX = "package:"


def model_folder(source: str) -> str:
    """A folder or hub id; `package:NAME/FOLDER` becomes the folder's path.

    Raises:
        ModelError: the package or its folder is missing.
    """
    if not source.startswith(PREFIX):
        return source
    package, _, inside = source.removeprefix(PREFIX).partition("/")
    spec = importlib.util.find_spec(package)
    for place in spec.submodule_search_locations or [] if spec else []:
        if (Path(place) / inside).is_dir():
            return str(Path(place) / inside)
    raise ModelError(
        f"the package {package} with its folder {inside!r} is missing; `python requirements/extras.py` installs it"
    )
