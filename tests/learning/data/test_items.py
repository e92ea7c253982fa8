"""Questions from whatever the user has, and one clear sentence where that is not possible."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.data import Columns, read_items
from tts_agent.messages import Message, ToolCall

ROWS: list[dict[str, Any]] = [
    {"id": "a", "question": "What is 1+1?", "answer": "2", "kind": "sums", "group": "easy"},
    {"id": "b", "question": "What is 2+2?", "answer": 4, "kind": "sums", "group": "easy"},
]


def written(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def lines(path: Path, *rows: Any) -> str:
    return written(path, "".join(json.dumps(row) + "\n" for row in rows))


def refused(source: str, columns: Columns | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_items(source, columns)
    said = str(caught.value)
    assert "\n" not in said
    return said


def parquet(path: Path, rows: list[dict[str, Any]]) -> str:
    import pyarrow
    from pyarrow import parquet as files

    files.write_table(pyarrow.Table.from_pylist(rows), path)
    return str(path)


def test_json_lines_json_csv_tsv_and_parquet_hold_the_same_questions(tmp_path: Path) -> None:
    as_text = [{**row, "answer": str(row["answer"])} for row in ROWS]
    table = [list(as_text[0]), *[list(row.values()) for row in as_text]]
    sources = [
        lines(tmp_path / "q.jsonl", *as_text),
        written(tmp_path / "q.json", json.dumps(as_text)),
        written(tmp_path / "runs.json", json.dumps({"rows": as_text})),
        written(tmp_path / "q.csv", "\n".join(",".join(cells) for cells in table)),
        written(tmp_path / "q.tsv", "\n".join("\t".join(cells) for cells in table)),
        parquet(tmp_path / "q.parquet", as_text),
    ]
    first = read_items(sources[0])
    assert [(item.id, item.text, item.kind, item.group, item.reference) for item in first] == [
        ("a", "What is 1+1?", "sums", "easy", "2"),
        ("b", "What is 2+2?", "sums", "easy", "4"),
    ]
    for source in sources[1:]:
        assert read_items(source) == first


def test_a_folder_of_data_files_is_read_as_a_data_set(tmp_path: Path) -> None:
    parquet(tmp_path / "train-00000.parquet", [{"problem": "1+1?", "solution": "2"}] * 2)
    (item, other) = read_items(str(tmp_path))
    assert (item.text, item.reference, item.id, other.id) == ("1+1?", "2", "0", "1")


def test_a_data_set_or_split_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refused("nobody/has-this").startswith("the data set 'nobody/has-this' cannot be read: ")
    parquet(tmp_path / "train-00000.parquet", [{"problem": "1+1?"}])
    with pytest.raises(ConfigurationError, match="exam"):
        read_items(str(tmp_path), split="exam")


def test_columns_may_be_named_and_nested(tmp_path: Path) -> None:
    source = lines(tmp_path / "q.jsonl", {"inputs": {"ask": "1+1?"}, "gold": {"value": [2]}, "topic": "sums"})
    (item,) = read_items(source, Columns(question="inputs.ask", answer="gold.value", kind="topic"))
    assert (item.text, item.reference, item.kind) == ("1+1?", [2], "sums")


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert read_items(written(tmp_path / "q.csv", b"\xef\xbb\xbfquestion\nWhy?\n"))[0].text == "Why?"


def test_cells_may_hold_commas_quotes_and_lines(tmp_path: Path) -> None:
    (item,) = read_items(written(tmp_path / "q.csv", 'question,answer\n"Say ""a,\nb"".","a,\nb"\n'))
    assert (item.text, item.reference) == ('Say "a,\nb".', "a,\nb")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("q.jsonl", "", "q.jsonl: holds no question"),
        ("q.csv", "question\n", "q.csv: holds no question"),
        ("q.jsonl", '{"question": "a"}\n{"question": \n', "q.jsonl:2: is not JSON"),
        ("q.jsonl", '{"question": "a"}\n["b"]\n', "q.jsonl:2: is list, not a JSON object"),
        ("q.jsonl", b'{"question": "a"}\n{"question": "\xe9"}\n', "q.jsonl:2: byte 15 of the line is not UTF-8"),
        ("q.jsonl", "﻿".encode("utf-16"), "q.jsonl: is UTF-16: save it as UTF-8"),
        ("q.jsonl", '{"question": "\\ud83d"}\n', "q.jsonl:1: a \\u escape is half a character"),
        ("q.jsonl", '{"text2": "a"}\n', "q.jsonl:1: no column is called question, prompt"),
        ("q.jsonl", '{"question": " "}\n', "q.jsonl:1: the question is empty"),
        ("q.jsonl", '{"question": {"a": 1}}\n', "q.jsonl:1: the question is dict, not a text"),
        ("q.jsonl", '{"id": 1, "question": "a"}\n{"id": 1, "question": "b"}\n', "q.jsonl:2: the id '1' is that of"),
        ("q.jsonl", '{"messages": [{"role": "robot", "content": "a"}]}\n', "q.jsonl:1: a message has the role 'robot'"),
        ("q.csv", "question,answer\na,b,c\n", "q.csv:2: has 3 columns, and the first line names 2"),
        ("q.csv", "question,question\na,b\n", "q.csv:1: two columns are named 'question'"),
        ("q.csv", 'question\n"a\n', "q.csv:2: is no CSV"),
        ("q.parquet", "question\n", "q.parquet: is no Parquet file"),
        ("q.json", "3", "q.json: is no list of JSON objects"),
        ("q.txt", "question", "q.txt: the ending says no format that is known"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    assert said in refused(written(tmp_path / name, content))


def test_a_file_that_is_not_there_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    assert "No such file" in refused(str(tmp_path / "questions.jsonl"))


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    said = refused(lines(tmp_path / "q.jsonl", *ROWS), Columns(answer="anwser"))
    assert said.endswith("q.jsonl:1: there is no column 'anwser'; the columns are id, question, answer, kind, group")


def test_a_line_without_end_is_refused_and_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    with path.open("wb") as file:
        file.truncate((1 << 26) + 2)
    assert "q.jsonl:1: the line is longer than 64 MiB" in refused(str(path))


def test_the_same_question_twice_is_one_group(tmp_path: Path) -> None:
    items = read_items(lines(tmp_path / "q.jsonl", {"question": "Why?"}, {"question": " why? "}, {"question": "How?"}))
    assert items[0].group == items[1].group != items[2].group


def test_instructions_precede_every_question(tmp_path: Path) -> None:
    (item, _) = read_items(lines(tmp_path / "q.jsonl", *ROWS), instructions="Be brief.")
    assert item.messages[0] == Message("system", "Be brief.")
    assert item.text == "What is 1+1?"


def test_a_conversation_that_ends_with_its_answer_asks_what_came_before(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "What is 1+1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": [{"type": "text", "text": "And doubled?"}]},
        {"role": "assistant", "content": "4"},
    ]
    (item,) = read_items(lines(tmp_path / "q.jsonl", {"messages": turns}))
    assert (item.text, item.reference, len(item.messages)) == ("And doubled?", "4", 3)


def run(number: int, score: float | None, **more: Any) -> dict[str, Any]:
    message = {"id": ["langchain", "schema", "messages", "HumanMessage"], "kwargs": {"content": f"question {number}"}}
    said = {"id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {"content": f"reply {number}"}}
    return {
        "id": f"run-{number}",
        "trace_id": "trace",
        "run_type": "llm",
        "name": "ChatModel",
        "inputs": {"messages": [[message]]},
        "outputs": {"generations": [[{"message": said}]]},
        "feedback_stats": {} if score is None else {"correctness": {"n": 1, "avg": score}},
        **more,
    }


def test_model_runs_of_langsmith_are_steps_and_approved_outputs_their_references(tmp_path: Path) -> None:
    outer = run(9, None, run_type="chain", parent_run_id=None)
    source = lines(tmp_path / "runs.jsonl", outer, run(1, 1.0), run(2, 0.0), run(3, None))
    items = read_items(source)
    assert [(item.id, item.text, item.reference) for item in items] == [
        ("run-1", "question 1", "reply 1"),
        ("run-2", "question 2", None),
        ("run-3", "question 3", None),
    ]
    assert {(item.group, item.kind) for item in items} == {("trace", "ChatModel")}


def test_outer_runs_of_langsmith_are_steps_where_no_model_runs_are(tmp_path: Path) -> None:
    outer = {"id": "1", "run_type": "chain", "inputs": {"question": "Why?"}, "outputs": {"output": "Because."}}
    inner = {"id": "2", "run_type": "tool", "parent_run_id": "1", "inputs": {"input": "x"}, "outputs": {}}
    (item,) = read_items(lines(tmp_path / "runs.jsonl", inner, {**outer, "feedback": [{"key": "ok", "score": 1}]}))
    assert (item.text, item.reference) == ("Why?", "Because.")


def test_each_turn_of_the_model_in_a_langgraph_state_is_a_step(tmp_path: Path) -> None:
    messages = [
        {"type": "human", "content": "Weather?"},
        {"type": "ai", "content": "", "tool_calls": [{"name": "look", "args": {"city": "Rome"}, "id": "1"}]},
        {"type": "tool", "content": "sunny", "tool_call_id": "1"},
        {"type": "ai", "content": "It is sunny."},
    ]
    thread = {"configurable": {"thread_id": "t1"}}
    states = [{"values": {"messages": messages[:n]}, "config": thread} for n in (4, 3, 2, 1)]
    items = read_items(lines(tmp_path / "states.jsonl", *states))
    assert [(item.id, item.kind, len(item.messages), item.group) for item in items] == [
        ("t1/1", "tool call", 1, "t1"),
        ("t1/3", "answer", 3, "t1"),
    ]
    assert items[1].messages[1].tool_calls == (ToolCall("look", '{"city": "Rome"}'),)
    assert all(item.reference is None for item in items)


def test_checkpoints_of_langgraph_are_read_too(tmp_path: Path) -> None:
    messages = [{"lc": 1, "id": ["x", "HumanMessage"], "kwargs": {"type": "human", "content": "Hi"}}]
    messages.append({"lc": 1, "id": ["x", "AIMessage"], "kwargs": {"type": "ai", "content": "Hello"}})
    source = lines(tmp_path / "c.jsonl", {"checkpoint": {"channel_values": {"messages": messages}}})
    (item,) = read_items(source)
    assert (item.text, item.kind) == ("Hi", "answer")
