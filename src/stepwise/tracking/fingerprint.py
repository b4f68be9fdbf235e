"""What decides a stage's result, the key of that, and what of it has changed since.

DVC notes parameters and dependencies in dvc.lock when a stage ends. So they must then be what they were when it began.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Container, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stepwise.records import file_hash
from stepwise.tracking.runs import OUTPUTS

CODE = Path("src/stepwise")


@dataclass(frozen=True)
class Fingerprint:
    """All that decides a stage's result."""

    script: str
    arguments: dict[str, str]
    params: dict[str, Any]
    """Values of the declared keys."""
    inputs: dict[str, str]
    """md5 of every file that an argument names or holds, by path."""
    code: dict[str, str]
    """md5 of the script and of every file of the library, by path."""

    @property
    def key(self) -> str:
        """A hash of it all."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """As one line, the same for the same content."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Fingerprint:
        """The inverse of `to_json`."""
        return cls(**json.loads(text))

    def changes(self, earlier: Fingerprint, code: Container[str] = ()) -> list[str]:
        """What differs from an earlier fingerprint: parameters with both values, inputs, and code among `code`."""
        before, after = dict(flat(earlier.params)), dict(flat(self.params))
        changed = [
            f"{name} was {before.get(name, 'absent')} and is now {after.get(name, 'absent')}"
            for name in {**before, **after}
            if before.get(name) != after.get(name)
        ]
        files = _differing(earlier.inputs, self.inputs)
        files += [path for path in _differing(earlier.code, self.code) if path in code]
        return changed + [f"{path} has changed" for path in files]


class FileHashes:
    """md5 of files. One whose size and time of change are the same as before is not read again."""

    def __init__(self) -> None:
        """Without any file."""
        self._known: dict[Path, tuple[tuple[int, int], str]] = {}

    def below(self, *roots: Path) -> dict[str, str]:
        """Of these files, and of all files below these folders, by path."""
        files = [file for root in roots for file in (sorted(root.rglob("*")) if root.is_dir() else [root])]
        return {str(file): self._hash(file) for file in files if file.is_file() and "__pycache__" not in file.parts}

    def _hash(self, file: Path) -> str:
        status = file.stat()
        state = (status.st_size, status.st_mtime_ns)
        if file not in self._known or self._known[file][0] != state:
            self._known[file] = state, file_hash(file, "md5")
        return self._known[file][1]


def take(
    script: Path, arguments: Mapping[str, str | Path], params: dict[str, object], hashes: FileHashes
) -> Fingerprint:
    """The fingerprint of a stage as its files lie there now. Paths among the arguments are inputs, except OUTPUTS."""
    inputs = [value for name, value in arguments.items() if isinstance(value, Path) and name not in OUTPUTS]
    return Fingerprint(
        script=script.stem,
        arguments={name: str(value) for name, value in arguments.items()},
        params=params,
        inputs=hashes.below(*inputs),
        code=hashes.below(CODE, script),
    )


def loaded_code(fingerprint: Fingerprint, script: Path) -> set[str]:
    """The files of the fingerprint's code that this process has imported or runs."""
    modules = [getattr(module, "__file__", None) for name, module in [*sys.modules.items()] if "stepwise" in name]
    imported = {Path(file).resolve() for file in modules if file}
    return {path for path in fingerprint.code if Path(path) == script or Path(path).resolve() in imported}


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and values as text, of parameters in sections."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{key}.")
        else:
            yield above + key, value if isinstance(value, str) else json.dumps(value)


def _differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
