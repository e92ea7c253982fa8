"""`tts-agent train` killed at any moment leaves the estimator that was there, and a rerun ends as if undisturbed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from random import Random
from shutil import copytree, rmtree

import numpy as np
import numpy.typing as npt
import pytest

from tests.difficulty.synthetic import HashEncoder, planted
from tts_agent.cli import main
from tts_agent.cli import train as command
from tts_agent.difficulty import DifficultyEstimator, embedding_store, write_labels

NEVER = threading.TIMEOUT_MAX


class Slow(HashEncoder):
    """Leaves time to be killed in."""

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        time.sleep(0.05)
        return super().encode(texts)


def _train(rows: Path, out: Path, seed: int, delay: float) -> None:
    """In a process of its own, killed after so many seconds."""
    os.environ["XDG_CACHE_HOME"] = str(out.parent / "cache")
    vars(command)["SentenceEncoder"] = lambda name, device: Slow()
    embedding_store.CHUNK = 10
    sys.argv = ["tts-agent", "train", str(rows), "--out", str(out), "--seed", str(seed), "--device", "cpu"]
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()
    main()


def trained(rows: Path, out: Path, seed: int, delay: float = NEVER) -> int:
    """The exit status, negative for a signal. Forked from a process that has the imports, which take longest."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["torch", "sklearn.linear_model", "sklearn.feature_extraction.text"])
    process = context.Process(target=_train, args=(rows, out, seed, delay))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def check_kills(folder: Path, kills: int, *, at_least: int, within: float = 1.0) -> None:
    """Kill a training at random moments, and see that the last one ends with the files of one that nobody killed.

    At least so many kills must have come before the training's end; all come within this share of its time, which
    is not the same twice.
    """
    rows, whole, killed, random = folder / "labels.jsonl", folder / "a" / "e", folder / "b" / "e", Random(kills)
    write_labels(rows, planted(100))
    assert trained(rows, whole, seed=1) == 0
    copytree(whole, killed)
    rmtree(whole.parent)
    began = time.monotonic()
    assert trained(rows, whole, seed=2) == 0
    longest = time.monotonic() - began
    hits = 0
    for _ in range(kills):
        hits += trained(rows, killed, seed=2, delay=random.uniform(0.0, longest * within)) != 0
        assert DifficultyEstimator.load(killed, encoder=HashEncoder()).card.seed in (1, 2)
    assert hits >= at_least
    assert trained(rows, killed, seed=2) == 0
    assert contents(killed) == contents(whole)


def test_a_training_killed_again_and_again_ends_with_the_files_of_one_that_was_not(tmp_path: Path) -> None:
    check_kills(tmp_path, 2, at_least=1, within=0.5)


@pytest.mark.slow
def test_twenty_kills_leave_an_estimator_and_change_nothing(tmp_path: Path) -> None:
    check_kills(tmp_path, 20, at_least=10)
