"""Recording: what is kept, what never is, and that no step waits or fails for it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langgraph.graph import START, MessagesState, StateGraph

from tests.nodes.models import ScriptedModel, message
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.record_file import read_records
from tts_agent.learning.recording import LEAST_BYTES, Recorder, TextMode
from tts_agent.messages import user
from tts_agent.nodes import AdaptiveChatModel, AdaptiveReasoning, adaptive_node, create_adaptive_step
from tts_agent.probability import Beta
from tts_agent.reasoner import AdaptiveReasoner, Result
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency
from tts_agent.testing.scripted import ScriptedSampler

QUESTION = "What is 2 + 2? My key is sk-hidden."
VOTE = Fixed(SelfConsistency(FixedSize(3)))
REPLIES = ["The answer is 4.", "The answer is 5.", "The answer is 4."]


def answered(recorder: Recorder | None, step: Step | None = None) -> Result:
    step = step or Step((user(QUESTION),), kind="sums", difficulty=Beta(3.0, 1.0), options={"api_key": "sk-option"})
    return AdaptiveReasoner(ScriptedSampler(REPLIES), policy=VOTE, on_result=recorder).run(step)


def test_a_record_says_what_was_believed_decided_drawn_and_voted(tmp_path: Path) -> None:
    with Recorder(tmp_path / "records", model="small", text="stored") as recorder:
        result = answered(recorder)
    (record,) = read_records(tmp_path / "records")
    assert (record.kind, record.model, record.text) == ("sums", "small", QUESTION)
    assert (record.strategy, record.stop, record.belief) == ("self_consistency", "settled", (3.0, 1.0))
    assert [sample.vote for sample in record.samples] == [0, 1, 0]
    assert record.winner == 0
    assert record.tokens == result.spent.tokens
    assert (record.task, record.correct) == (None, None)


@pytest.mark.parametrize(
    ("mode", "kept"), [("stored", QUESTION), ("hashed", sha256(QUESTION.encode()).hexdigest()), ("dropped", None)]
)
def test_the_text_is_kept_as_asked_and_options_and_replies_never(
    tmp_path: Path, mode: TextMode, kept: str | None
) -> None:
    with Recorder(tmp_path / "records", text=mode) as recorder:
        answered(recorder)
    (record,) = read_records(tmp_path / "records")
    assert record.text == kept
    content = (tmp_path / "records").read_bytes()
    assert b"sk-option" not in content
    assert b"The answer is" not in content
    assert (b"sk-hidden" in content) == (mode == "stored")


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    Recorder(tmp_path / "records")
    assert stat.S_IMODE((tmp_path / "records").stat().st_mode) == 0o600


def test_beyond_the_most_rows_the_oldest_go_and_leave_nothing_in_the_file(tmp_path: Path) -> None:
    with Recorder(tmp_path / "records", text="stored", max_rows=5) as recorder:
        for number in range(12):
            answered(recorder, Step((user(f"Question number {number}?"),)))
            recorder.flush()
    assert [record.text for record in read_records(tmp_path / "records")] == [
        f"Question number {number}?" for number in range(7, 12)
    ]
    assert b"Question number 3?" not in (tmp_path / "records").read_bytes()


def test_beyond_the_most_bytes_the_oldest_go_too(tmp_path: Path) -> None:
    with Recorder(tmp_path / "records", text="stored", max_bytes=LEAST_BYTES) as recorder:
        for number in range(30):
            answered(recorder, Step((user(f"Question number {number}? " + "word " * 1_500),)))
            recorder.flush()
    kept = [record.text or "" for record in read_records(tmp_path / "records")]
    assert 3 <= len(kept) <= 8
    assert kept[-1].startswith("Question number 29?")
    assert (tmp_path / "records").stat().st_size < 1.3 * LEAST_BYTES
    with pytest.raises(ConfigurationError, match="max_bytes is 10: at least 65,536"):
        Recorder(tmp_path / "records", max_bytes=10)


def test_an_outcome_reaches_every_step_of_its_task_and_no_other(tmp_path: Path) -> None:
    with Recorder(tmp_path / "records") as recorder:
        with recorder.task("ticket 1"):
            answered(recorder)
            with recorder.task("ticket 2"):
                answered(recorder)
            answered(recorder)
        answered(recorder)
        assert recorder.record_outcome("ticket 1", correct=True) == 2
        assert recorder.record_outcome("ticket 3", correct=True) == 0
    records = read_records(tmp_path / "records")
    assert [(record.task, record.correct) for record in records] == [
        ("ticket 1", True),
        ("ticket 2", None),
        ("ticket 1", True),
        (None, None),
    ]


def agents(recorder: Recorder) -> list[Any]:
    """Each door that takes `on_result`, as a graph."""
    model = ScriptedModel(script=lambda _: message("The answer is 4."))
    node = StateGraph(MessagesState).add_node("a", adaptive_node(model, policy=VOTE, on_result=recorder))
    return [
        node.add_edge(START, "a").compile(),
        create_adaptive_step(model, policy=VOTE, on_result=recorder).compile(),
        create_agent(model, middleware=[AdaptiveReasoning(policy=VOTE, on_result=recorder)]),
    ]


def test_every_node_s_steps_are_recorded_under_their_task_sync_and_async(tmp_path: Path) -> None:
    asked = {"messages": [HumanMessage(QUESTION)]}
    with Recorder(tmp_path / "records", text="stored") as recorder:
        for number, agent in enumerate(agents(recorder)):
            with recorder.task(f"sync {number}"):
                agent.invoke(asked)
            with recorder.task(f"async {number}"):
                asyncio.run(agent.ainvoke(asked))
    records = read_records(tmp_path / "records")
    assert [record.task for record in records] == [
        f"{way} {number}" for number in range(3) for way in ("sync", "async")
    ]
    assert {record.text for record in records} == {QUESTION}
    assert {tuple(sample.vote for sample in record.samples) for record in records} == {(0, 0, 0)}


def test_the_chat_model_s_calls_are_recorded_too_streamed_and_whole(tmp_path: Path) -> None:
    inner = ScriptedModel(script=lambda _: message("The answer is 4."))
    with Recorder(tmp_path / "records", text="stored") as recorder:
        model = AdaptiveChatModel(inner, policy=VOTE, on_result=recorder)
        with recorder.task("whole"):
            model.invoke(QUESTION)
            asyncio.run(model.ainvoke(QUESTION))
        with recorder.task("streamed"):
            assert list(model.stream(QUESTION))
    records = read_records(tmp_path / "records")
    assert [record.task for record in records] == ["whole", "whole", "streamed"]
    assert {(record.text, len(record.samples)) for record in records} == {(QUESTION, 3)}
    with pytest.raises(ConfigurationError, match="on_result is 3: that is no function"):
        AdaptiveChatModel(inner, on_result=3)  # type: ignore[arg-type]


def test_threads_that_share_a_recorder_lose_nothing(tmp_path: Path) -> None:
    result = answered(None)
    with Recorder(tmp_path / "records") as recorder, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: recorder(result), range(400)))
        recorder.flush()
        assert recorder.lost == 0
    assert len(read_records(tmp_path / "records")) == 400


WORKER = """
import sys
from tts_agent.learning.recording import Recorder
from tts_agent.messages import user
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.step import Step
from tts_agent.routing import Fixed
from tts_agent.strategies import Single
from tts_agent.testing.scripted import ScriptedSampler
recorder = Recorder(sys.argv[1])
reasoner = AdaptiveReasoner(ScriptedSampler(["4"] * 40), policy=Fixed(Single()), on_result=recorder)
for number in range(40):
    reasoner.run(f"What is {number}?")
    if number % 10 == 0:
        recorder.flush()
"""


def test_processes_that_write_to_one_file_lose_nothing_and_need_not_close(tmp_path: Path) -> None:
    path = tmp_path / "records"
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, str(path)]) for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert len(read_records(path)) == 120
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    database.close()


def test_a_file_that_breaks_is_logged_once_and_steps_go_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "records"
    recorder = Recorder(path)
    path.write_text("This is no database. " * 200)
    with caplog.at_level(logging.WARNING), recorder:
        for _ in range(3):
            assert answered(recorder).text == "The answer is 4."
            recorder.flush()
    assert recorder.lost == 3
    assert len(caplog.records) == 1
    assert str(path) in caplog.text


def test_an_answer_key_that_fails_costs_its_own_record_only(tmp_path: Path) -> None:
    def key(sample: Sample) -> str:
        if fails:
            raise ZeroDivisionError
        return sample.text

    fails = False
    with Recorder(tmp_path / "records") as recorder:
        result = answered(None, Step((user(QUESTION),), answer_key=key))
        good = answered(None)
        fails = True
        recorder(result)
        recorder(good)
        recorder.flush()
        assert recorder.lost == 1
    assert len(read_records(tmp_path / "records")) == 1


def test_results_after_the_close_are_lost_and_counted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "records")
    recorder.close()
    answered(recorder)
    recorder.close()
    assert recorder.lost == 1


def test_wrong_arguments_and_foreign_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="text is 'masked'"):
        Recorder(tmp_path / "records", text="masked")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="max_rows is 0"):
        Recorder(tmp_path / "records", max_rows=0)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        Recorder(tmp_path / "nowhere" / "records")
    with pytest.raises(ConfigurationError, match="no such file"):
        read_records(tmp_path / "absent")
    (tmp_path / "notes").write_text("My notes. " * 200)
    with pytest.raises(ConfigurationError, match="not a database"):
        Recorder(tmp_path / "notes")
    with pytest.raises(ConfigurationError, match="holds no decision records"):
        read_records(tmp_path / "notes")
    database = sqlite3.connect(tmp_path / "other")
    database.execute("CREATE TABLE mine (number)")
    database.close()
    with pytest.raises(ConfigurationError, match="holds no decision records"):
        Recorder(tmp_path / "other")
