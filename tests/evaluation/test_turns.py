"""Reading recorded turns."""

import gzip
import json
from pathlib import Path

import pytest

from tts_agent.evaluation.banks import BankError, bank_folder
from tts_agent.evaluation.turns import Turn, TurnTask, load_turns, pooled_folder

TASK = {
    "id": "a",
    "question": "How many?",
    "turns": [{"reward": 0.5, "tokens": 7}, {"reward": 1.0, "tokens": 9}],
}


def write(path: Path, *rows: object) -> Path:
    text = "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
        file.write(text)
    return path


def test_rewards_and_verdicts_both_say_what_was_right(tmp_path: Path) -> None:
    plans = {"id": "b", "question": None, "turns": [{"correct": False, "sec": 1.5}, {"correct": True, "sec": 2}]}
    bank = load_turns(write(tmp_path / "mixed.jsonl", TASK, plans))
    assert bank.name == "mixed"
    assert bank.longest == 2
    assert bank.tasks[0] == TurnTask("a", (Turn(False, 7, reward=0.5), Turn(True, 9, reward=1.0)), "How many?")
    assert bank.tasks[1] == TurnTask("b", (Turn(False, None, 1.5), Turn(True, None, 2)))
    assert bank.tasks[1].right == (False, True)


def test_a_turn_shows_whether_it_ran_and_whether_it_repeats_the_one_before(tmp_path: Path) -> None:
    turns = [
        {"reward": 0.0, "tokens": 5, "valid": False},
        {"reward": 0.0, "tokens": 5, "valid": False},
        {"reward": 0.0, "tokens": 6, "valid": True},
        {"reward": 0.0, "tokens": 6, "valid": True},
        {"reward": 0.5, "tokens": 6, "valid": True},
    ]
    told = load_turns(write(tmp_path / "told.jsonl", {"id": "a", "turns": turns}, TASK))
    assert told.tasks[0].signals == (0, 2, 1, 3, 1)
    assert told.tasks[1].signals == (0, 0)


def test_a_ladder_is_read_like_turns_and_a_task_without_turns_is_left_out(tmp_path: Path) -> None:
    ladder = {"id": "c", "ladder": [{"correct": True, "tokens": 1}, {"correct": False, "tokens": 2}]}
    bank = load_turns(write(tmp_path / "ladder.jsonl.gz", ladder, {"id": "d", "turns": []}))
    assert [task.right for task in bank.tasks] == [(True, False)]


def test_parts_of_one_set_are_pooled(tmp_path: Path) -> None:
    for name in ("agent_fs_1", "agent_fs_2", "other"):
        write(tmp_path / f"{name}.jsonl", TASK)
    agent, other = pooled_folder(tmp_path)
    assert (agent.name, other.name) == ("agent", "other")
    assert [task.id for task in agent.tasks] == ["agent_fs_1/a", "agent_fs_2/a"]
    assert other.tasks[0].id == "a"


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ((TASK, "{"), "line 2: not JSON"),
        (([1],), "line 1: not a JSON object with an 'id'"),
        (({"id": "a"},), "line 1: the field 'turns' is missing"),
        ((TASK, {"id": "a", "turns": [{"right": True}]}), "line 2, turn 1: neither 'correct' nor 'reward'"),
        (({"id": "a", "turns": [{"correct": True, "tokens": -1}]},), "turn 1: 'tokens' and 'sec' must be numbers >= 0"),
        ((), "line 1: there is no task with a turn"),
        (({"id": "a", "turns": []},), "line 1: there is no task with a turn"),
    ],
)
def test_what_cannot_be_read_is_named_with_file_and_line(
    tmp_path: Path, rows: tuple[object, ...], complaint: str
) -> None:
    path = write(tmp_path / "broken.jsonl", *rows)
    with pytest.raises(BankError, match=complaint) as error:
        load_turns(path)
    assert str(path) in str(error.value)


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(BankError, match=r"missing\.jsonl: there is no such file"):
        load_turns(tmp_path / "missing.jsonl")
    (tmp_path / "damaged.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(BankError, match=r"damaged\.jsonl\.gz, line 1: damaged"):
        load_turns(tmp_path / "damaged.jsonl.gz")


def test_the_recorded_agents_solve_what_was_published() -> None:
    folder = bank_folder()
    if folder is None:
        pytest.skip("no recorded banks on this machine: set TTS_AGENT_BANKS")
    banks = {bank.name: bank for bank in pooled_folder(folder / "sequential")}
    sql = banks["intercode_sql__ic_sql_multiturn_gpt-4_10_turns"].tasks
    solved = [sum(any(task.right[:turn]) for task in sql) / len(sql) for turn in (1, 3, 5, 10)]
    assert solved == pytest.approx([0.07, 0.34, 0.59, 0.74], abs=0.005)
    reflexion = banks["alfworld__react-gpt-3.5__reflexion_run_logs"].tasks
    assert sum(task.right[0] for task in reflexion) / len(reflexion) == pytest.approx(0.63, abs=0.005)
