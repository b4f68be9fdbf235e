"""Compose params.yaml from the Hydra groups under conf/, the same bytes that `dvc exp run -S` writes.

`python -m stepwise.params.compose [scale=smoke] [warm_up.learning_rate=3e-4 ...]`
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from stepwise import params
from stepwise.records import replacing


def compose(overrides: Sequence[str] = (), folder: str | Path = "conf") -> str:
    """The composition of `folder`/config.yaml with Hydra overrides, as YAML. Raises ParamsError on a bad override."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf

    try:
        with initialize_config_dir(str(Path(folder).resolve()), version_base=None):
            config = hydra_compose(config_name="config", overrides=list(overrides))
    except HydraException as error:
        raise params.ParamsError(f"{folder} with {' '.join(overrides) or 'no overrides'}: {error}") from error
    OmegaConf.resolve(config)
    return OmegaConf.to_yaml(config)


def write(overrides: Sequence[str] = (), path: str | Path = "params.yaml") -> params.Params:
    """Compose, check, and write the parameter file in one rename; the old one stays when the new one is not valid."""
    with replacing(Path(path)) as temporary:
        temporary.write_text(compose(overrides), encoding="utf-8")
        try:
            return params.load(temporary)
        except params.ParamsError as error:
            raise params.ParamsError(str(error).replace(str(temporary), "conf/")) from error


def main() -> None:
    """Command line: Hydra overrides as arguments."""
    try:
        checked = write(sys.argv[1:])
    except params.ParamsError as error:
        sys.exit(f"compose: {error}")
    sys.stdout.write(f"params.yaml: scale {checked.scale}, tasks {checked.tasks}, models {checked.models}\n")


if __name__ == "__main__":
    main()
