"""Labelling on Ray: the same counts, also where a worker dies in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tts_agent.effects import Flow, call, together
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.ray_engine import _elsewhere
from tts_agent.learning.stored_labels import pass_counts


def test_every_blocking_function_of_a_flow_is_handed_over() -> None:
    def flow() -> Flow[tuple[int, Sequence[int]]]:
        first = yield from call(lambda: 1)
        return first, (yield from together(nested(2), nested(3)))

    def nested(value: int) -> Flow[int]:
        return (yield from call(lambda: value))

    moved = _elsewhere(flow(), lambda function: 10 * function())
    assert next(moved).function() == 10  # type: ignore[union-attr]
    both = moved.send(1)
    assert [next(each).function() for each in both.flows] == [20, 30]  # type: ignore[union-attr]
    with pytest.raises(StopIteration) as ended:
        moved.send((2, 3))
    assert ended.value.value == (1, (2, 3))


def begun(out: Path, *more: str) -> subprocess.Popen[bytes]:
    arguments = ["label", "embedded:20", "-k", "4..8", "--seed", "1", "--concurrency", "6", "--out", str(out), "--json"]
    return subprocess.Popen([sys.executable, "-m", "tts_agent.cli", *arguments, *more], stdout=subprocess.PIPE)


def workers_below(process: int) -> list[int]:
    """Processes of the tree that Ray calls workers of ours."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            names[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace")
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])

    def ours(number: int) -> bool:
        return number == process or (number in parents and ours(parents[number]))

    return [number for number, name in names.items() if name.startswith("ray::_Worker") and ours(number)]


def samples_in(out: Path) -> int:
    with suppress(ConfigurationError):  # it is not there yet, or not begun
        return sum(of for _, of in pass_counts(out).values())
    return 0


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    local, cluster = tmp_path / "local.db", tmp_path / "ray.db"
    undisturbed, _ = begun(local).communicate()
    assert json.loads(undisturbed)["failed_calls"] == 0
    labelling = begun(cluster, "--engine", "ray", "--workers", "3")
    try:
        while samples_in(cluster) < 10:
            assert labelling.poll() is None
            time.sleep(0.1)
        workers = workers_below(labelling.pid)
        assert len(workers) == 3
        os.kill(workers[0], signal.SIGKILL)
        said, _ = labelling.communicate(timeout=300)
    finally:
        labelling.kill()
        labelling.communicate()
    assert json.loads(said)["stop"] == "done"
    assert json.loads(said)["failed_calls"] >= 1
    assert pass_counts(cluster) == pass_counts(local)
