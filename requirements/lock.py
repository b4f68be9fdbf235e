"""Turn the *.in files into locks with hashes (`make lock`). Needs uv on the path.

torch has a lock of its own because its builds differ: `torch==2.13.0` with the hashes of PyPI's files and of CPU builds
accepts either, so no lock names an index. What only PyPI's CUDA build needs is in cuda.lock.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CUDA_ONLY = ("nvidia-", "cuda-", "triton")
CPU_BUILDS = [
    "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",  # 2.13.0+cpu, cp311, manylinux_2_28_x86_64
]
"""sha256 of torch wheels that are not on PyPI."""


def compile_lock(source: str, *options: str) -> list[str]:
    """Entries (`name==version`, marker, hashes) of a resolved .in file, for all platforms and Python 3.11 or newer."""
    command = ["uv", "pip", "compile", "--universal", "--python-version=3.11", "--generate-hashes", "--no-annotate"]
    text = subprocess.run(
        [*command, "--no-header", "--quiet", *options, str(HERE / source)], check=True, capture_output=True, text=True
    ).stdout
    return re.findall(r"^\S.*(?:\n[ \t]+.*)*", text, flags=re.MULTILINE)


def write(name: str, entries: list[str]) -> None:
    """Write a lock file and print how many packages it has."""
    (HERE / name).write_text("\n".join(entries) + "\n", encoding="utf-8")
    print(f"{name}: {len(entries)} packages")


def main() -> None:
    """Write every lock."""
    entries = compile_lock("base.in")
    torch = next(entry for entry in entries if entry.startswith("torch=="))
    cuda = [entry for entry in entries if entry.startswith(CUDA_ONLY)]
    write("base.lock", [entry for entry in entries if entry != torch and entry not in cuda])
    write("cuda.lock", cuda)
    write("torch.lock", [torch + "".join(f" \\\n    --hash=sha256:{digest}" for digest in CPU_BUILDS)])
    write("models.lock", compile_lock("models.in", "--no-deps"))
    write("uv.lock", compile_lock("uv.in"))


if __name__ == "__main__":
    main()
