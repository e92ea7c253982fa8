"""``python -m training.train --minutes 80 --seed 0``."""

import argparse
import os
import sys
from pathlib import Path

_ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000"}
"""Keep freed memory in the process: returning it at every step halves the speed by page faults."""


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("training/runs/phase1"))
    parser.add_argument("--tokenizer", type=Path, default=Path("tts_agent/embedded/model/tokenizer.json"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=80.0)
    parser.add_argument("--tokens", type=float, default=60e6)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-tokens", type=int, default=2200)
    parser.add_argument("--save-minutes", type=float, default=5.0)
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in _ALLOCATOR.items()):
        os.environ.update(_ALLOCATOR)
        os.execv(sys.executable, [sys.executable, "-m", "training.train", *sys.argv[1:]])
    from training.fit import Plan, fit

    fit(Plan(**vars(arguments)))


if __name__ == "__main__":
    main()
