"""Train a difficulty estimator from label rows: ``python -m training.train_estimator --labels FILE --out FOLDER``.

Prints the predictor card and saves the estimator; the rows are described in `tts_agent/difficulty/labels.py`.
Profiles (numbers by class that routing uses) can be added from a JSON file of the form {"class": {"theta": 0.4}}.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tts_agent.difficulty import DifficultyEstimator, SentenceEncoder, read_labels
from tts_agent.difficulty.encoder import DEFAULT_ENCODER
from tts_agent.exceptions import ConfigurationError, TTSAgentError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status (2: the input is at fault)."""
    parser = argparse.ArgumentParser(prog="python -m training.train_estimator", description=__doc__)
    parser.add_argument("--labels", type=Path, required=True, help="label rows, JSON lines")
    parser.add_argument("--out", type=Path, required=True, help="folder to save the estimator in")
    parser.add_argument("--seed", type=int, default=0, help="of splits and training")
    parser.add_argument("--encoder", default=DEFAULT_ENCODER, help="sentence-transformers name or folder")
    parser.add_argument("--profiles", type=Path, help="JSON file with numbers by class, stored for routing")
    chosen = parser.parse_args(arguments)
    try:
        labels = read_labels(chosen.labels)
        profiles = {} if chosen.profiles is None else _profiles(chosen.profiles)
        start = time.perf_counter()
        estimator, card = DifficultyEstimator.fit(
            labels, encoder=SentenceEncoder(chosen.encoder), seed=chosen.seed, profiles=profiles
        )
        seconds = time.perf_counter() - start
        estimator.save(chosen.out)
    except TTSAgentError as error:
        print(error, file=sys.stderr)
        return 2
    print(card.table())
    print(f"{len(labels)} rows, {seconds:.0f} s, saved in {chosen.out}")
    return 0


def _profiles(path: Path) -> Any:
    """The file's content; `DifficultyEstimator` checks the numbers."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    if not isinstance(values, dict) or not all(isinstance(numbers, dict) for numbers in values.values()):
        raise ConfigurationError(f"{path}: an object of objects is needed, such as {{'class': {{'theta': 0.4}}}}")
    return values


if __name__ == "__main__":
    sys.exit(main())
