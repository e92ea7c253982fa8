"""Rows of traces: runs exported from LangSmith, and states or checkpoints of LangGraph.

A trace shows what a model was asked and what it said, and rarely what would have been right. The answer of a LangSmith
run counts as the reference only where somebody approved it (feedback with a score of 1); all other steps have none, and
are graded by a verifier that needs none. Steps of one trace are one group: they share most of their text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tts_agent.learning.data.rows import Row

MODEL_RUNS = ("llm", "chat_model")
_HOLD_OUTPUT = ("message", "kwargs", "generations", "messages", "output")


def is_run(values: Mapping[str, Any]) -> bool:
    """Whether a row is a run exported from LangSmith."""
    return "inputs" in values and "run_type" in values


def run_rows(rows: Sequence[Row]) -> Iterator[Row]:
    """Runs as rows with question, answer, kind, group and id: those of models, else (none exported) the outermost."""
    of_models = [row for row in rows if row.values.get("run_type") in MODEL_RUNS]
    for row in of_models or [row for row in rows if not row.values.get("parent_run_id")]:
        run = row.values
        inputs = run.get("inputs") or {}
        question = inputs.get("messages") or inputs.get("prompts") or next(iter(inputs.values()), None)
        if isinstance(question, list) and all(isinstance(prompt, str) for prompt in question):
            question = question[0] if question else None
        yield Row(
            row.place,
            {
                "question": question,
                "answer": _said(run.get("outputs")) if _approved(run) else None,
                "kind": run.get("name"),
                "group": run.get("trace_id"),
                "id": run.get("id"),
                "tools": ((run.get("extra") or {}).get("invocation_params") or {}).get("tools"),
            },
        )


def _approved(run: Mapping[str, Any]) -> bool:
    """Whether there is feedback, and all of it says 1."""
    given: Any = run.get("feedback_stats") or run.get("feedback") or []
    entries = given.values() if isinstance(given, dict) else given
    scores = [entry.get("avg", entry.get("score")) for entry in entries if isinstance(entry, dict)]
    scores = [score for score in scores if score is not None]
    return bool(scores) and all(score == 1 for score in scores)


def _said(outputs: Any) -> Any:
    """The text of a run's output: of the last message where it is a chat model's, else the only value."""
    while isinstance(outputs, dict | list) and outputs:
        if isinstance(outputs, list):
            outputs = outputs[-1]
        elif isinstance(outputs.get("text"), str):
            return outputs["text"]
        elif "content" in outputs:
            return outputs["content"]
        else:
            name = next(
                (key for key in ("message", "kwargs", "generations", "messages", "output") if key in outputs), None
            )
            outputs = outputs[name] if name else next(iter(outputs.values()))
    return outputs or None


def state_messages(values: Mapping[str, Any]) -> list[Any] | None:
    """The messages of a LangGraph state snapshot or checkpoint; None where a row is neither."""
    for path in (("values",), ("channel_values",), ("checkpoint", "channel_values")):
        held: Any = values
        for name in path:
            held = held.get(name) if isinstance(held, Mapping) else None
        messages = held.get("messages") if isinstance(held, Mapping) else None
        if isinstance(messages, list):
            return messages
    return None


def state_rows(rows: Sequence[Row]) -> Iterator[Row]:
    """One row for each turn of the model, with what it was asked: all messages before that turn.

    Of a thread with many checkpoints each turn counts once.
    """
    seen: set[str] = set()
    for row in rows:
        messages = state_messages(row.values) or []
        thread = str(_thread(row.values) or row.place)
        for at, message in enumerate(messages):
            step = f"{thread}/{at}"
            if at and step not in seen and _by_model(message):
                seen.add(step)
                yield Row(row.place, {"question": messages[:at], "kind": _kind(message), "group": thread, "id": step})


def _thread(values: Mapping[str, Any]) -> Any:
    for path in (("config", "configurable"), ("metadata",), ("checkpoint",), ()):
        held: Any = values
        for name in path:
            held = held.get(name) if isinstance(held, Mapping) else None
        if isinstance(held, Mapping) and held.get("thread_id"):
            return held["thread_id"]
    return None


def _fields(message: Any) -> Mapping[str, Any]:
    if not isinstance(message, dict):
        return {}
    inner = message.get("data") or message.get("kwargs")
    return {**message, **inner} if isinstance(inner, dict) else message


def _by_model(message: Any) -> bool:
    fields = _fields(message)
    return str(fields.get("role") or fields.get("type") or "").lower() in ("ai", "assistant", "aimessage")


def _kind(message: Any) -> str:
    return "tool call" if _fields(message).get("tool_calls") else "answer"
