"""Environments for the clients of other projects, each with its own packages: `make clients` sets them up.

They cannot share one, and none of them belongs into ours. What is pinned in requirements/ is what was tried; a changed
file makes its environment anew.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"
FOLDER = Path(__file__).parents[2] / ".clients"
QUICK = ("openai_2",)
"""Set up by `make tests` too: small enough."""


def interpreter(name: str) -> Path | None:
    """The environment's Python; None where it was not set up, or not with what is pinned now."""
    python = FOLDER / name / "bin" / "python"
    return python if python.exists() and _installed(name) == _wanted(name) else None


def set_up(name: str) -> None:
    """Make an environment, unless it is there."""
    if interpreter(name):
        return
    folder = FOLDER / name
    print(f"setting up {folder.relative_to(FOLDER.parent)}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", str(REQUIREMENTS / f"{name}.txt")], check=True)
    _stamp(name).write_bytes(_wanted(name))


def names() -> list[str]:
    """Every environment that there can be."""
    return sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))


def _stamp(name: str) -> Path:
    return FOLDER / name / "installed.txt"


def _installed(name: str) -> bytes | None:
    return _stamp(name).read_bytes() if _stamp(name).exists() else None


def _wanted(name: str) -> bytes:
    return (REQUIREMENTS / f"{name}.txt").read_bytes()


def main() -> None:
    """Set up all of them, or the quick ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    for name in QUICK if parser.parse_args().quick else names():
        set_up(name)


if __name__ == "__main__":
    main()
