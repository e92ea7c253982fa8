"""Trains the model of the deep-research example from nothing: ``python -m training.train_research --seed 0``."""

import argparse
import os
import sys
from pathlib import Path

from training.train import ENVIRONMENT


def main() -> None:
    """Parse the command line, train, and write the model's folder."""
    arguments = _parser().parse_args()
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.environ.update(ENVIRONMENT)
        os.execv(sys.executable, [sys.executable, "-m", "training.train_research", *sys.argv[1:]])
    import torch

    from training.export import export
    from training.fit import Plan, fit
    from training.research import Research, word_list
    from training.vocabulary import write_tokenizer

    runs: Path = arguments.runs
    words = word_list()
    write_tokenizer(runs / "tokenizer", words)
    on_gpu = torch.cuda.is_available()
    plan = Plan(
        out=runs / "weights",
        tokenizer=runs / "tokenizer" / "tokenizer.json",
        seed=arguments.seed,
        minutes=arguments.minutes,
        tokens=arguments.tokens,
        lessons=Research,
        resume=arguments.resume,
        device="cuda" if on_gpu else "cpu",
        workers=1 if on_gpu else arguments.workers,
        batch_tokens=65536 if on_gpu else 4400,
    )
    if arguments.minutes:
        fit(plan)
    export(plan.out / "final.safetensors", arguments.model, words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--minutes", type=float, default=60.0, help="0 only writes the folder")
    parser.add_argument("--tokens", type=float, default=90e6, help="most training tokens")
    parser.add_argument("--workers", type=int, default=2, help="processes, where there is no GPU")
    parser.add_argument("--runs", type=Path, default=Path("training/runs/research"), help="for what is not shipped")
    parser.add_argument("--model", type=Path, default=Path("examples/deep_research/model"))
    return parser


if __name__ == "__main__":
    main()
