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
    """`folder`/config.yaml composed with Hydra overrides, as YAML. Raises ParamsError for a bad override."""
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
    """Compose, check and write the parameter file. The old file stays if the new parameters are not valid."""
    text = compose(overrides)
    composed = params.parse(text, "conf/")
    with replacing(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return composed


def main() -> None:
    """Command line: Hydra overrides as arguments."""
    try:
        composed = write(sys.argv[1:])
    except params.ParamsError as error:
        sys.exit(f"compose: {error}")
    sys.stdout.write(f"params.yaml: scale {composed.scale}, tasks {composed.tasks}, models {composed.models}\n")


if __name__ == "__main__":
    main()
