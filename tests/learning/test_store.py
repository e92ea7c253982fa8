"""The label store: what is committed stays, and nothing is counted twice."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tts_agent.budget import Amount
from tts_agent.difficulty import SampleSignals
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.item import Item, items_hash
from tts_agent.learning.store import Finished, Graded, LabelStore
from tts_agent.learning.store_file import Settings, StoreError
from tts_agent.messages import user
from tts_agent.sampling import Usage

ITEMS = [Item("a", (user("What is 1+1?"),), "sums"), Item("b", (user("Name a fruit."),))]
SETTINGS = Settings("tiny", items_hash(ITEMS), "exact", 100, seed=1)


def graded(number: int, passed: bool = True, reply: str | None = None) -> Graded:
    return Graded(number, passed, SampleSignals(7, "stop", -0.1), Usage(5, 7), "answer", reply)


def one_long_reply(number: int) -> list[Finished]:
    return [Finished(0, number, (graded(number, reply="x" * 1000),), Amount(12, 1))]


def test_what_was_committed_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    with LabelStore(tmp_path / "l.db", SETTINGS, ITEMS) as store:
        store.begin_run(Amount(tokens=50, calls=2))
        store.add([Finished(0, 0, (graded(0), graded(1, passed=False)), Amount(24, 2))])
        store.add([Finished(1, 0, (), Amount(9, 1), "it failed")])
    with LabelStore(tmp_path / "l.db", SETTINGS, ITEMS) as store:
        assert store.outcomes() == {0: {0: True, 1: False}}
        assert store.mean_output() == 7.0


def test_a_run_that_never_ended_counts_with_what_it_may_have_had_in_flight(tmp_path: Path) -> None:
    with LabelStore(tmp_path / "l.db", SETTINGS, ITEMS) as store:
        store.begin_run(Amount(tokens=50, calls=2))
        store.add([Finished(0, 0, (graded(0),), Amount(24, 1))])
    with LabelStore(tmp_path / "l.db", SETTINGS, ITEMS) as store:
        assert store.spent() == Amount(74, 3)
        store.begin_run(Amount(tokens=50, calls=2))
        store.end_run(Amount(10, 1))
        assert store.spent() == Amount(84, 4)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (Settings("large", SETTINGS.data, "exact", 100, seed=1), "model was 'tiny' and is now 'large'"),
        (Settings("tiny", SETTINGS.data, "exact", 100, seed=2), "seed was 1 and is now 2"),
        (Settings("tiny", SETTINGS.data, "math", 100, seed=1), "verifier was 'exact' and is now 'math'"),
        (Settings("tiny", "another", "exact", 100, seed=1), "the data are not the same"),
    ],
)
def test_other_settings_are_refused_in_one_sentence(tmp_path: Path, changed: Settings, said: str) -> None:
    LabelStore(tmp_path / "l.db", SETTINGS, ITEMS).close()
    with pytest.raises(ConfigurationError, match=said):
        LabelStore(tmp_path / "l.db", changed, ITEMS)


def test_a_sample_cannot_be_counted_twice(tmp_path: Path) -> None:
    with LabelStore(tmp_path / "l.db", SETTINGS, ITEMS) as store:
        store.begin_run(Amount())
        store.add([Finished(0, 0, (graded(0),), Amount(12, 1))])
        with pytest.raises(StoreError, match="another process"):
            store.add([Finished(1, 0, (graded(0),), Amount(12, 1)), Finished(0, 0, (graded(0),), Amount(12, 1))])
        assert store.outcomes() == {0: {0: True}}
        assert store.spent() == Amount(12, 1)


def test_a_full_disk_is_one_sentence_and_what_was_committed_stays(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    with LabelStore(path, SETTINGS, ITEMS) as store:
        store.begin_run(Amount())
        pages = store._database.execute("PRAGMA page_count").fetchone()[0]
        store._database.execute(f"PRAGMA max_page_count = {pages + 2}")  # what a full disk looks like to SQLite
        store.add(one_long_reply(0))
        with pytest.raises(StoreError, match="full; what was committed before is still there"):
            store.add(one_long_reply(number)[0] for number in range(1, 100))
    with LabelStore(path, SETTINGS, ITEMS) as store:
        assert store.outcomes() == {0: {0: True}}
        assert store.spent() == Amount(12, 1)
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


@pytest.mark.parametrize("content", [b"question,answer\n1,2\n" * 100, b"SQLite format 3\0" + b"junk" * 300])
def test_a_file_that_is_no_label_store_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises((ConfigurationError, StoreError)):
        LabelStore(path, SETTINGS, ITEMS)
    assert path.read_bytes() == content


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as database:
        database.execute("CREATE TABLE things (name TEXT)")
    database.close()
    with pytest.raises(ConfigurationError, match="no label store"):
        LabelStore(tmp_path / "other.db", SETTINGS, ITEMS)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no folder"):
        LabelStore(tmp_path / "no" / "l.db", SETTINGS, ITEMS)
