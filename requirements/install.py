"""Create .venv and install the locks into it; a second call does nothing. Needs any Python 3 and nothing else.

TORCH_INDEX=<address> installs torch from that index instead of from where pip would find it.
"""

import ast
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
OLDEST = (3, 11)
TORCH_INDEX = os.environ.get("TORCH_INDEX", "").strip()


class InstallError(Exception):
    """The installation cannot continue; the message names the cause and the remedy."""


def main():
    """Install, unless the stamp shows that exactly this is installed."""
    if sys.version_info < OLDEST:
        restart_with_newer_python()
    (ROOT / ".work").mkdir(exist_ok=True)
    with open(ROOT / ".work" / "install.lock", "w") as lock:
        acquire(lock)
        current = fingerprint()
        if not (STAMP.is_file() and STAMP.read_text() == current and works(PYTHON)):
            install()
            STAMP.write_text(current)


def restart_with_newer_python():
    """Replace this process with the first Python that is new enough. Raises InstallError if there is none."""
    for name in ("python3.14", "python3.13", "python3.12", "python3.11"):
        candidate = shutil.which(name)
        if candidate and works(candidate):
            os.execv(candidate, [candidate, *sys.argv])
    raise InstallError(f"Python {'.'.join(map(str, OLDEST))} or newer is needed; this is {sys.version.split()[0]}")


def works(python):
    """Whether a Python starts. A version manager's shim, or a Python whose system was upgraded, may not."""
    try:
        return subprocess.call([str(python), "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def acquire(lock):
    """Wait until no other process is installing into this folder."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another make is installing into .venv; waiting for it.", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def fingerprint():
    """Hash of everything that determines what is installed."""
    digest = hashlib.sha256(repr((sys.version, str(ROOT), TORCH_INDEX)).encode())
    for file in [*sorted(LOCKS.glob("*.lock")), Path(__file__)]:
        digest.update(file.read_bytes())
    return digest.hexdigest() + "\n"


def install():
    """Build .venv from scratch: knowing what is in it matters more than reusing an interrupted installation."""
    print("Installing into .venv (a minute or two, once).", flush=True)
    if VENV.exists():
        shutil.rmtree(VENV)
    python = getattr(sys, "_base_executable", sys.executable)  # not .venv's own, which was just removed
    run([python, "-m", "venv", str(VENV)], "creating .venv (on Debian and Ubuntu: apt-get install python3-venv)")
    pip("installing uv", "install", *hashed("uv"))
    with tempfile.TemporaryDirectory(dir=ROOT / ".work") as folder:
        uv_install(str(download_torch(folder)))
    uv_install(*hashed("base"))
    packages = next(VENV.glob("lib/python3*/site-packages"))
    metadata = next(packages.glob("torch-*.dist-info")) / "METADATA"
    if "Requires-Dist: nvidia-" in metadata.read_text(encoding="utf-8"):
        uv_install(*hashed("cuda"))
    (packages / "stepwise.pth").write_text(str(ROOT / "src") + "\n")
    run([str(VENV / "bin" / "uv"), "pip", "check", "--quiet", "--python", str(PYTHON)], "checking what is installed")
    uv_install(*hashed("models"))  # after the check, since the requirements of these packages are left out


def download_torch(folder):
    """The wheel of torch that pip prefers here, checked against the hashes in the lock.

    pip itself is not given the hashes: it would then prefer PyPI's CUDA build to a CPU build that its configuration
    points to.
    """
    version, *hashes = re.findall(r"^torch==\S+|[0-9a-f]{64}", (LOCKS / "torch.lock").read_text())
    index = ["--isolated", "--index-url", TORCH_INDEX] if TORCH_INDEX else []
    pip("downloading torch", "download", "--only-binary=:all:", "--dest", folder, *index, version)
    (wheel,) = Path(folder).glob("torch-*.whl")
    with open(wheel, "rb") as data:
        digest = hashlib.sha256()
        for block in iter(lambda: data.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() not in hashes:
        if not TORCH_INDEX:
            raise InstallError(f"{wheel.name} is not a file that requirements/torch.lock lists; check pip's find-links")
        print(f"{wheel.name} comes from TORCH_INDEX; its hash is not in the lock.", flush=True)
    return wheel


def pip(doing, *arguments):
    """Run .venv's pip."""
    verb, *rest = arguments
    options = ["--quiet", "--disable-pip-version-check", "--no-deps"]
    run([str(PYTHON), "-m", "pip", verb, *options, *rest], doing)


def hashed(lock):
    """Options that install a lock and check every file against its hash."""
    return ["--require-hashes", "-r", str(LOCKS / f"{lock}.lock")]


def uv_install(*what):
    """Install without resolving, as the locks are complete. Compiling now saves time at every start of a stage."""
    command = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON), "--no-deps", "--compile-bytecode"]
    run([*command, "--quiet", *what], "installing packages", uv_environment())


def uv_environment():
    """The environment for uv, with pip's settings of indexes, folders and certificates."""
    listing = subprocess.check_output([str(PYTHON), "-m", "pip", "config", "list"], text=True)
    pip = {}
    for line in sorted(listing.splitlines(), key=lambda line: line.startswith(":env:")):
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if section in ("global", "install", ":env:"):
            pip[option] = ast.literal_eval(value)
    options = {
        "UV_FIND_LINKS": ",".join(pip.get("find-links", "").split()),
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": pip.get("extra-index-url", ""),
        "UV_INSECURE_HOST": pip.get("trusted-host", ""),
        "UV_HTTP_TIMEOUT": pip.get("default-timeout", pip.get("timeout", "")),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "ALL_PROXY": pip.get("proxy", ""),
        # pip looks in all indexes; as every file is checked against its hash, uv may do so, too
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    return {**{name: value for name, value in options.items() if value}, **os.environ}


def run(command, doing, environment=None):
    """Run a command. Raises InstallError that says what the command was for."""
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode != 0:
        raise InstallError(f"{doing} failed (exit status {done.returncode}); fix what it reports and run make again")


if __name__ == "__main__":
    try:
        main()
    except InstallError as error:
        sys.exit(f"install: {error}")
    except KeyboardInterrupt:
        sys.exit("install: interrupted; run make again to start over")
