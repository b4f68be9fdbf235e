"""`python -m stepwise.pipeline.quick_dvc repro ...` is `dvc repro ...`, but quick where dvc.lock is long.

Whichever stage it runs, DVC parses all of dvc.lock twice and writes all of it once, in Python. With a hundred stages
that takes several seconds of a core, more than many stages do. Here an entry is parsed when it is read, those of other
stages stay text, and the file ends with the bytes that DVC would write.
"""

from __future__ import annotations

import copy
import functools
import re
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc import dvcfile
from dvc.cli import main as dvc
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import _yaml, dumps_yaml, modify_yaml, parse_yaml
from dvc.utils.strictyaml import validate

HEAD = "schema: '2.0'\nstages:\n"
ENTRY = re.compile(r"^  ([\w@.-]+):\n(?: {4}.*\n)+", re.MULTILINE)
ANCHOR = "&id0"
"""How YAML begins to say that two places of a file are one object: such entries cannot be taken apart."""


class Entries(MutableMapping[str, Any]):
    """The stages of a dvc.lock: an entry is parsed and validated when it is read, and dumped when it is set."""

    def __init__(self, path: Path, texts: dict[str, str]) -> None:
        self._path, self._texts = str(path), texts

    def __getitem__(self, stage: str) -> Any:
        text = HEAD + self._texts[stage]
        contents = parse_yaml(text, self._path)
        return validate(contents, COMPILED_LOCKFILE_SCHEMA, text=text, path=self._path)["stages"][stage]

    def __setitem__(self, stage: str, entry: Any) -> None:
        self._texts[stage] = dumps_yaml({"stages": {stage: entry}}).removeprefix("stages:\n")

    def __delitem__(self, stage: str) -> None:
        del self._texts[stage]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def text(self) -> str:
        """The file."""
        return HEAD + "".join(self._texts.values())


def read(path: Path) -> Entries | None:
    """The entries of a dvc.lock, or None for any other file and for one that does not look as if DVC had written it."""
    if path.name != dvcfile.LOCK_FILE or not path.is_file():
        return None
    text = path.read_bytes().decode("utf-8", errors="replace")
    entries = Entries(path, {match[1]: match[0] for match in ENTRY.finditer(text)})
    return entries if entries and entries.text() == text and ANCHOR not in text else None


@contextmanager
def modify(path: str, fs: Any = None) -> Iterator[Any]:
    """In place of DVC's `modify_yaml`: yields the contents of a file and writes them afterwards."""
    entries = read(Path(path))
    if entries is None:
        with modify_yaml(path, fs=fs) as contents:
            yield contents
    else:
        yield {"stages": entries}
        Path(path).write_text(entries.text(), encoding="utf-8")


def load(lockfile: Any, **options: Any) -> tuple[Any, str]:
    """In place of the method with which DVC's Lockfile reads and validates its file."""
    entries = read(Path(lockfile.path))
    return dvcfile.FileMixin._load_yaml(lockfile, **options) if entries is None else ({"stages": entries}, "")


_parse_once = functools.lru_cache(maxsize=8)(parse_yaml)


def parse(text: str, path: str, typ: str = "safe") -> Any:
    """In place of DVC's `parse_yaml` where it loads params.yaml, once for each way in which a stage refers to it."""
    return copy.deepcopy(_parse_once(text, path, typ))


def main(arguments: Sequence[str]) -> int:
    """Run DVC with `arguments`, which begin with `repro` or an option before it. Returns its exit code."""
    dvcfile.modify_yaml = modify
    dvcfile.Lockfile._load_yaml = load
    _yaml.parse_yaml = parse
    return int(dvc(list(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
