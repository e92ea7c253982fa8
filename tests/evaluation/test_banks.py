"""Banks are read as they were written, and what cannot be read is named with file and line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tts_agent.evaluation.banks import (
    VARIABLE,
    Bank,
    BankError,
    RecordedQuestion,
    RecordedSample,
    bank_folder,
    find_bank,
    load_bank,
)

SAMPLE: dict[str, Any] = {"answer": "4", "correct": True, "tokens": 7, "logprob": None}


def row(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {"id": f"q{number}", "question": "2 + 2?", "gold": "4", "samples": [SAMPLE, SAMPLE], **changes}


def written(path: Path, *rows: Any) -> Path:
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["small__model.jsonl.gz", "small__model.jsonl"])
def test_a_bank_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    samples = [{**SAMPLE, "src": "cot", "spent": 9}, {**SAMPLE, "answer": None, "correct": False, "logprob": -0.5}]
    path = written(tmp_path / name, row(samples=samples, kind="sums", level=2))
    expected = (RecordedSample("4", True, 7, None, "cot"), RecordedSample(None, False, 7, -0.5, None))
    assert load_bank(path) == Bank("small__model", (RecordedQuestion("q0", "2 + 2?", "4", expected),))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        pytest.param("{broken\n", "not JSON", id="broken"),
        pytest.param("[1]\n", "not a JSON object", id="no object"),
        pytest.param({"id": "q1", "question": None}, "'samples' is missing", id="no samples"),
        pytest.param(row(1, id=3), "'id' is 3, not str", id="wrong type"),
        pytest.param(row(1, samples=[SAMPLE, 3]), "sample 2: not a JSON object", id="sample no object"),
        pytest.param(row(1, samples=[{**SAMPLE, "correct": 1}] * 2), "sample 1: the field 'correct'", id="no bool"),
        pytest.param(row(1, samples=[{**SAMPLE, "tokens": True}] * 2), "'tokens' is True, not int or null", id="bool"),
        pytest.param(row(1, samples=[{**SAMPLE, "tokens": -1}] * 2), "-1 tokens", id="negative"),
        pytest.param(row(1, samples=[{"answer": "4"}] * 2), "is missing", id="sample incomplete"),
        pytest.param(row(1, samples=[SAMPLE]), "fewer than 2 samples", id="one sample a question"),
        pytest.param(row(0), "'q0' has come before", id="same id twice"),
    ],
)
def test_a_line_that_is_not_in_the_format_is_named(tmp_path: Path, line: Any, says: str) -> None:
    path = written(tmp_path / "bad.jsonl.gz", row(0), line)
    with pytest.raises(BankError) as raised:
        load_bank(path)
    assert f"{path}, line 2" in str(raised.value)
    assert says in str(raised.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for content, says in ((b"plain text", "not a gzip file"), (gzip.compress(b"x" * 999)[:20], "not a gzip file")):
        (tmp_path / "bank.jsonl.gz").write_bytes(content)
        with pytest.raises(BankError, match=says) as raised:
            load_bank(tmp_path / "bank.jsonl.gz")
        assert "bank.jsonl.gz, line 1" in str(raised.value)
    (tmp_path / "bank.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(BankError, match="line 1: not UTF-8"):
        load_bank(tmp_path / "bank.jsonl")
    with pytest.raises(BankError, match="no such file"):
        load_bank(tmp_path / "nothing.jsonl")
    with pytest.raises(BankError, match="line 1: the bank is empty"):
        load_bank(written(tmp_path / "empty.jsonl.gz", "\n"))


def test_a_few_questions_with_too_few_samples_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [row(number, samples=[SAMPLE] if number == 7 else [SAMPLE] * 3) for number in range(40)]
    bank = load_bank(written(tmp_path / "ragged.jsonl", *rows))
    assert (len(bank.questions), bank.left_out) == (39, 1)
    with pytest.raises(BankError, match="fewer than 4 samples to the question, and so for 40 of 40"):
        load_bank(tmp_path / "ragged.jsonl", least_samples=4)


def test_a_bank_is_found_by_path_by_name_and_by_name_below_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    path = written(tmp_path / "runs" / "a__b.jsonl.gz", row())
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert bank_folder() == tmp_path
    for name in (path, str(path), "a__b", "a__b.jsonl.gz", "runs/a__b"):
        assert find_bank(name) == path
    (tmp_path / "more").mkdir()
    written(tmp_path / "more" / "a__b.jsonl.gz", row())
    with pytest.raises(BankError, match="there are 2 banks named a__b"):
        find_bank("a__b")
    with pytest.raises(BankError, match="there is no bank nowhere"):
        find_bank("nowhere")
    monkeypatch.setenv(VARIABLE, "")
    assert bank_folder() is None
    with pytest.raises(BankError, match="TTS_AGENT_BANKS is not set"):
        find_bank("a__b")
    monkeypatch.setenv(VARIABLE, str(path))
    with pytest.raises(BankError, match="no folder"):
        bank_folder()


def test_every_recorded_voting_bank_can_be_read() -> None:
    folder = bank_folder()
    if folder is None:
        pytest.skip("no recorded banks on this machine: set TTS_AGENT_BANKS")
    for path in sorted(folder.glob("*.jsonl.gz")):
        assert load_bank(path).questions
