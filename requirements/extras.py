"""Install what tests can use beyond the locks, as far as this machine allows it (`make test-all`)."""

from __future__ import annotations

import os
import shutil
import subprocess

PACKAGES = {"bwrap": ["bubblewrap"], "chromium": ["chromium"], "scontrol": ["slurm-wlm", "munge"]}
"""Debian packages by the command that they provide."""


def install_packages() -> None:
    """Install the Debian packages of missing commands; needs root and apt. Reports those that cannot be installed."""
    missing = {command: names for command, names in PACKAGES.items() if shutil.which(command) is None}
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        names = [name for packages in missing.values() for name in packages]
        print(f"extras: only root on Debian or Ubuntu could install {', '.join(names)}")
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", "update"], env=environment, check=False)
    for names in missing.values():
        command = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *names]
        if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            print(f"extras: {' '.join(names)} could not be installed")


if __name__ == "__main__":
    install_packages()
