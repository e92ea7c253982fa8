"""Who competes: the policies that `tts-agent replay` plays beside the baselines, by name."""

from __future__ import annotations

from tts_agent.evaluation.contenders import Contender


def lineup() -> dict[str, Contender]:
    """All contenders. A new policy is one more entry."""
    return {}
