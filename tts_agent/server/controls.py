"""What a request says to this endpoint, beside what it asks of the model: task, cap, policy, samples.

Three places, of which the first that says something counts: headers (`X-TTS-Task`), a field `tts` of the body
(`extra_body={"tts": {"task": ...}}`), and `metadata` (`{"tts_task": ...}`). None of it reaches the upstream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tts_agent.routing import Fixed, MarginalValue, Policy
from tts_agent.server.refusal import Refusal
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency

POLICIES = ("single", "auto", "parallel")
EXITS = ("error", "finalize")
LONGEST_TASK = 200
"""Characters of a task's name."""


@dataclass(frozen=True, slots=True)
class Controls:
    """What one request asks of this endpoint; None where it leaves that to the settings."""

    task: str | None = None
    budget: int | None = None
    policy: str | None = None
    max_samples: int | None = None
    on_exhausted: str = "error"


def read_controls(headers: Mapping[str, str], body: dict[str, Any]) -> Controls:
    """The request's controls, which are taken out of its body.

    Raises:
        Refusal: 400, naming the one that is wrong.
    """
    own = body.pop("tts", None)
    if own is not None and not isinstance(own, Mapping):
        raise Refusal(400, "tts must be an object", param="tts")
    metadata = body.get("metadata")
    if isinstance(metadata, Mapping) and any(str(name).startswith("tts_") for name in metadata):
        kept = {name: value for name, value in metadata.items() if not str(name).startswith("tts_")}
        body["metadata"] = kept
        if not kept:
            del body["metadata"]
    else:
        metadata = {}

    def said(name: str) -> Any:
        values = (headers.get(f"x-tts-{name.replace('_', '-')}"), (own or {}).get(name), metadata.get(f"tts_{name}"))
        return next((value for value in values if value is not None), None)

    task = said("task")
    if task is not None and not (isinstance(task, str) and 0 < len(task) <= LONGEST_TASK and task.isprintable()):
        raise Refusal(400, f"the task must be a name of at most {LONGEST_TASK} printable characters", param="tts.task")
    return Controls(
        task,
        _whole(said("budget"), "budget"),
        _one_of(said("policy"), "policy", POLICIES),
        _whole(said("max_samples"), "max_samples"),
        _one_of(said("on_exhausted"), "on_exhausted", EXITS) or "error",
    )


def policy_of(name: str, max_samples: int) -> Policy | None:
    """The policy of that name; None for `single`, which hands the upstream's reply on as it comes."""
    match name:
        case "single":
            return None
        case "auto":
            return MarginalValue(max_samples=max_samples)
        case _:
            return Fixed(SelfConsistency(FixedSize(max_samples)))


def _whole(value: object, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**15:
        raise Refusal(400, f"{name} must be a whole number of at least 1", param=f"tts.{name}")
    return value


def _one_of(value: object, name: str, known: tuple[str, ...]) -> str | None:
    if value is None or value in known:
        return None if value is None else str(value)
    raise Refusal(400, f"{name} must be one of {', '.join(known)}", param=f"tts.{name}")
