"""Trains the embedded model from nothing: ``python -m training.train --seed 0``.

Four stages, each of which can be run alone with ``--stages``:

* ``generated``: learn from generated problems (``--minutes``);
* ``attempts``: sample the model's own attempts on train problems and check them;
* ``revision``: learn to revise and continue those (``--revision-minutes``);
* ``export``: write the model folder of the package, with a record of the training.

A stage that was cut off goes on with ``--resume``.
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path

_STAGES = ("generated", "attempts", "revision", "export")
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "OPENBLAS_NUM_THREADS": "1",
}
"""Keep freed memory in the process: returning it at every step halves the speed by page faults. And no threads in
numpy: there is a process per core already."""


def main() -> None:
    """Parse the command line and run the stages."""
    arguments = _parser().parse_args()
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.environ.update(ENVIRONMENT)
        os.execv(sys.executable, [sys.executable, "-m", "training.train", *sys.argv[1:]])
    for stage in arguments.stages:
        _run(stage, arguments)


def _run(stage: str, arguments: argparse.Namespace) -> None:
    import torch

    from training.attempts import collect
    from training.examples import Attempts
    from training.export import export
    from training.fit import Plan, fit
    from training.record import write_record
    from training.vocabulary import word_list, write_tokenizer

    runs: Path = arguments.runs
    generated, revision, attempts = runs / "generated", runs / "revision", runs / "attempts.jsonl"
    tokenizer = runs / "tokenizer" / "tokenizer.json"
    write_tokenizer(tokenizer.parent, word_list())
    on_gpu = torch.cuda.is_available()
    common = {
        "tokenizer": tokenizer,
        "seed": arguments.seed,
        "resume": arguments.resume,
        "device": "cuda" if on_gpu else "cpu",
        "workers": 1 if on_gpu else arguments.workers,
        "batch_tokens": 65536 if on_gpu else 2200,  # a GPU is idle with small batches
    }
    match stage:
        case "generated":
            fit(Plan(out=generated, minutes=arguments.minutes, tokens=arguments.tokens, **common))
        case "attempts":
            export(generated / "final.safetensors", runs / "model", word_list())
            collect(runs / "model", attempts, problems=arguments.problems, seed=arguments.seed)
        case "revision":
            fit(
                Plan(
                    out=revision,
                    minutes=arguments.revision_minutes,
                    tokens=arguments.tokens,
                    start=generated / "final.safetensors",
                    lessons=partial(Attempts.read, attempts),
                    muon_lr=0.008,
                    adam_lr=0.0016,
                    decay=0.9,
                    **common,
                )
            )
        case "export":
            export(revision / "final.safetensors", arguments.model, word_list())
            write_record(
                arguments.model,
                {"generated": generated, "revision": revision},
                seed=arguments.seed,
                command=" ".join(["python -m training.train", *sys.argv[1:]]),
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stages", nargs="+", choices=_STAGES, default=_STAGES)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--minutes", type=float, default=70.0, help="of the stage 'generated'")
    parser.add_argument("--tokens", type=float, default=70e6, help="most training tokens of a stage")
    parser.add_argument("--problems", type=int, default=2600, help="to attempt")
    parser.add_argument("--revision-minutes", type=float, default=25.0)
    parser.add_argument("--workers", type=int, default=2, help="processes, where there is no GPU")
    parser.add_argument("--runs", type=Path, default=Path("training/runs"), help="folder for what is not shipped")
    parser.add_argument("--model", type=Path, default=Path("tts_agent/embedded/model"))
    return parser


if __name__ == "__main__":
    main()
