"""What training reads of a label store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts_agent.budget import Amount
from tts_agent.difficulty import SampleSignals, leave_one_out
from tts_agent.difficulty.base import StepText
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.item import Item, items_hash
from tts_agent.learning.store import Finished, Graded, LabelStore
from tts_agent.learning.store_file import Settings
from tts_agent.learning.stored_labels import is_store, labels, pass_counts, vote_counts
from tts_agent.messages import user
from tts_agent.population import VoteCounts
from tts_agent.sampling import Usage

ITEMS = [Item(name, (user(f"question {name}"),), kind, "family") for name, kind in (("a", "x"), ("b", "x"), ("c", "y"))]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "labels.db"
    outcomes = [(True, "7"), (False, "8"), (False, "8"), (False, "9"), (False, None)]
    rows = tuple(
        Graded(n, passed, SampleSignals(10 + n, "stop", -0.5), Usage(3, 10 + n), answer)
        for n, (passed, answer) in enumerate(outcomes)
    )
    with LabelStore(path, Settings("tiny", items_hash(ITEMS), "exact", 100), ITEMS) as writer:
        writer.begin_run(Amount())
        writer.add([Finished(0, 0, (*rows, Graded(5)), Amount(1, 1)), Finished(2, 0, rows[:1], Amount(1, 1))])
    return path


def test_each_sample_is_the_first_once_and_never_counts_itself(store: Path) -> None:
    step = StepText("question a", "x", "tiny")
    signals = [SampleSignals(10 + n, "stop", -0.5) for n in range(5)]
    samples = list(zip(signals, [True, False, False, False, False], strict=True))
    assert labels(store) == leave_one_out(step, "family", samples)


def test_answers_fall_into_votes_by_class(store: Path) -> None:
    assert vote_counts(store) == {"x": [VoteCounts(1, (2, 1), 1)], "y": [VoteCounts(1, (), 0)]}


def test_counts_are_by_the_id_of_the_question(store: Path) -> None:
    assert pass_counts(store) == {"a": (1, 5), "c": (1, 1)}


def test_a_store_is_told_from_rows_of_json(store: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "q"}\n', encoding="utf-8")
    assert is_store(store)
    assert not is_store(rows)
    assert not is_store(tmp_path / "nothing")
    with pytest.raises(ConfigurationError, match="no label store"):
        labels(rows)
