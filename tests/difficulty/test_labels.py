"""Label rows: what they may say, how they are written, and how a damaged file is reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.difficulty import Label, SampleSignals, StepText, leave_one_out, read_labels, write_labels
from tts_agent.difficulty.labels import data_hash
from tts_agent.exceptions import ConfigurationError

STEP = StepText("What is 2 + 2?", "arithmetic", "m", tools=1, turns=3)
ROW: dict[str, Any] = {"text": "q", "kind": "k", "model": "m", "group": "g", "passed": 1, "of": 2}


def signals(tokens: int = 5) -> SampleSignals:
    return SampleSignals(tokens, "stop", -0.25)


@given(st.lists(st.booleans(), min_size=2, max_size=20))
def test_a_row_never_counts_the_sample_it_shows(outcomes: list[bool]) -> None:
    rows = leave_one_out(STEP, "g", [(signals(index), ok) for index, ok in enumerate(outcomes)])
    for index, (row, ok) in enumerate(zip(rows, outcomes, strict=True)):
        others = outcomes[:index] + outcomes[index + 1 :]
        assert (row.passed, row.of) == (sum(others), len(others))
        assert row.first == signals(index)
        assert row.total == (sum(outcomes), len(outcomes))
        assert (row.first_passed, row.step, row.group) == (ok, STEP, "g")


def test_one_sample_gives_no_row() -> None:
    with pytest.raises(ConfigurationError, match="at least 2"):
        leave_one_out(STEP, "g", [(signals(), True)])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"passed": 3}, "passed 3 of 2"),
        ({"passed": -1}, "passed -1 of 2"),
        ({"of": 0, "passed": 0}, "of >= 1"),
        ({"text": " "}, "text is empty"),
        ({"group": ""}, "group is empty"),
        ({"first_passed": True}, "without first"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Label(**(ROW | wrong))


texts = st.text(min_size=1).filter(str.strip)
some_signals = st.builds(
    SampleSignals,
    st.integers(0, 10**6),
    st.sampled_from(["stop", "length", "tool_calls", "content_filter", "unknown"]),
    st.none() | st.floats(-50, 0),
    st.booleans(),
    st.none() | st.floats(-1, 1),
)


@st.composite
def some_labels(draw: st.DrawFn) -> Label:
    of = draw(st.integers(1, 50))
    first = draw(st.none() | some_signals)
    return Label(
        draw(texts),
        draw(st.text()),
        draw(st.text()),
        draw(texts),
        draw(st.integers(0, of)),
        of,
        first,
        None if first is None else draw(st.none() | st.booleans()),
        draw(st.integers(0, 9)),
        draw(st.integers(1, 9)),
    )


@given(labels=st.lists(some_labels(), min_size=1, max_size=5))
def test_what_was_written_is_read_back(labels: list[Label], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.jsonl"
    assert write_labels(path, labels) == len(labels)
    assert read_labels(path) == labels


def test_the_hash_is_of_the_rows_and_not_of_their_order() -> None:
    rows = leave_one_out(STEP, "g", [(signals(index), index > 1) for index in range(4)])
    assert data_hash(rows) == data_hash(rows[::-1])
    assert data_hash(rows) != data_hash(rows[1:])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "the line is not JSON: Expecting property name"),
        ("[" * 100_000, "the line is not JSON"),
        ("[]", "the row is list, not a JSON object"),
        (json.dumps({"text": "q"}), "the row lacks group, kind, model, of, passed"),
        (json.dumps(ROW | {"passed": "1"}), "passed is '1', not int"),
        (json.dumps(ROW | {"passed": True}), "passed is True, not int"),
        (json.dumps(ROW | {"passed": 5}), "passed 5 of 2"),
        (json.dumps(ROW | {"first": 3}), "first is int, not a JSON object"),
        (json.dumps(ROW | {"first": {}}), "first lacks finish_reason, output_tokens"),
        (json.dumps(ROW | {"first": {"output_tokens": 3, "finish_reason": "eos"}}), "finish_reason is 'eos'"),
        (json.dumps(ROW | {"first": {"output_tokens": -3, "finish_reason": "stop"}}), "output_tokens is -3"),
        (
            json.dumps(ROW | {"first": {"output_tokens": 3, "finish_reason": "stop", "logprob": float("nan")}}),
            "logprob is nan, not a finite number",
        ),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_number(line: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(f"{json.dumps(ROW)}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        read_labels(path)
    assert str(error.value).startswith(f"{path}:3: ")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("second", "byte"), [(json.dumps(ROW | {"text": "café"}, ensure_ascii=False).encode("latin-1"), 14), (b"\xff{", 1)]
)
def test_a_line_in_another_encoding_is_named_with_the_byte(second: bytes, byte: int, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_bytes(json.dumps(ROW | {"text": "café"}, ensure_ascii=False).encode() + b"\n" + second + b"\n")
    with pytest.raises(ConfigurationError, match=rf"labels\.jsonl:2: byte {byte} of the line is not UTF-8"):
        read_labels(path)


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(ROW).encode())
    assert len(read_labels(tmp_path / "labels.jsonl")) == 1


def test_a_missing_or_empty_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.jsonl: cannot be read"):
        read_labels(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(ConfigurationError, match=r"empty\.jsonl: holds no labels"):
        read_labels(tmp_path / "empty.jsonl")


def test_unknown_keys_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps(ROW | {"note": "hello"}), encoding="utf-8")
    assert read_labels(path) == [Label(**ROW)]
