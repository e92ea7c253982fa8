"""What an agent's state keeps of the middleware: the durable mirror of a run's ledger, and a log of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Final, NotRequired
from uuid import uuid4

from langchain.agents.middleware.types import AgentState, PrivateStateAttr

from tts_agent.budget import Amount, Steps

RUN: Final = "tts_agent_run"
"""Key of the mirror: which run this is, and what it is known to have spent."""
LOG: Final = "tts_agent_log"
"""Key of the log: one record a step, the last `LONGEST_LOG` of the thread."""
LONGEST_LOG = 100


def begun() -> dict[str, Any]:
    """The record of a run that starts. A resumed run goes on with the one in its state."""
    return _record(uuid4().hex, Amount(), Steps())


def spent(run: Mapping[str, Any]) -> Amount:
    """What the record says the run has spent."""
    return Amount(**run["spent"])


def steps(run: Mapping[str, Any]) -> Steps:
    """What the record says of the run's finished steps; they are counted where it is paced."""
    return Steps.from_json(run["steps"]) if "steps" in run else Steps()


def update(run: Mapping[str, Any], spent: Amount, steps: Steps, *records: dict[str, Any]) -> dict[str, Any]:
    """The update of the state after further steps of a run, which has `spent` this on so many `steps` in all."""
    return {RUN: _record(run["id"], spent, steps), LOG: list(records)}


def _record(run: str, spent: Amount, steps: Steps) -> dict[str, Any]:
    return {"id": run, "spent": asdict(spent), "steps": steps.to_json()}


def latest(known: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A reducer: another run replaces what was known, and of one run the larger numbers hold."""
    if known.get("id") != new["id"]:
        return new
    return _record(new["id"], spent(known).most(spent(new)), steps(known).most(steps(new)))


def appended(log: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A reducer: the end of the log."""
    return [*log, *new][-LONGEST_LOG:]


class AdaptiveState(AgentState[Any]):
    """Both keys are private: neither input nor output has them. LangGraph reads the last annotation as the reducer."""

    tts_agent_run: NotRequired[Annotated[dict[str, Any], PrivateStateAttr, latest]]
    tts_agent_log: NotRequired[Annotated[list[dict[str, Any]], PrivateStateAttr, appended]]
