"""Writes ``training.json`` into the model folder: how the weights came about, and the measured curve."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from training.export import export
from training.measure import ladder, measure_all
from training.vocabulary import word_list
from tts_agent.embedded.tasks import FAMILIES, Split


def write_record(folder: Path, runs: Mapping[str, Path], *, seed: int, command: str) -> None:
    """Read the logs of ``runs`` (stage name to folder), measure some of their checkpoints and write ``training.json``.

    pass@1 is measured at the default temperature on a few tuning problems of every third level: expect errors of
    about .05.
    """
    stages = {name: _stage(run) for name, run in runs.items()}
    record = {"seed": seed, "command": command, "stages": stages}
    (folder / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _stage(run: Path) -> dict[str, Any]:
    log = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    checkpoints = sorted(run.glob("weights-*.safetensors"))
    return {
        "tokens": log[-1]["tokens"],
        "minutes": round(log[-1]["seconds"] / 60, 1),
        "loss": [[entry["tokens"], entry["loss"]] for entry in _thinned(log, 40)],
        "pass@1": {path.stem.removeprefix("weights-"): _rates(path) for path in _thinned(checkpoints, 5)},
    }


def _thinned(items: Sequence[Any], most: int) -> list[Any]:
    """Return at most about ``most`` of ``items``, evenly spread, the last among them."""
    step = max(1, len(items) // most)
    return list(items[::-step][::-1])


def _rates(checkpoint: Path) -> dict[str, float]:
    """Return pass@1 by family."""
    with TemporaryDirectory() as folder:
        export(checkpoint, Path(folder), word_list())
        problems = ladder(Split.TUNING, per_level=4, every=3)
        results = measure_all(Path(folder), problems, samples=8, conversations=0)
    return {name: round(mean(r.pass_at_1 for r in results if r.family == name), 3) for name in FAMILIES}
