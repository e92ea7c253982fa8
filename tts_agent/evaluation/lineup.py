"""Who competes: the policies that `tts-agent replay` plays beside the baselines, by name."""

from __future__ import annotations

from tts_agent.evaluation.contenders import Contender
from tts_agent.evaluation.field_rules import FIELD
from tts_agent.evaluation.priced import Priced

OURS = "price"


def lineup() -> dict[str, Contender]:
    """Who competes everywhere: ours and the rules of the field. A new policy is one more entry."""
    return {OURS: Priced(), **FIELD}


def ablations() -> dict[str, Contender]:
    """Ours without one of its parts, on the mixed stream only: tables of many classes take their time."""
    return {
        "price, no first sample": Priced(bins=1),
        "price, no class": Priced(by_class=False),
        "price, shuffled": Priced(shuffled=True),
    }
