"""Who competes: the policies that `tts-agent replay` plays beside the baselines, by name."""

from __future__ import annotations

from tts_agent.evaluation.confidence import FixedConfidence
from tts_agent.evaluation.contenders import Contender, Setting, adaptive_consistency
from tts_agent.evaluation.empirical import Empirical
from tts_agent.evaluation.field_rules import FIELD
from tts_agent.evaluation.oracle import known_pass_rate
from tts_agent.evaluation.priced import Priced
from tts_agent.evaluation.routers import Allocation, length_router, random_router
from tts_agent.evaluation.trajectories import Trajectories
from tts_agent.evaluation.views import LENGTH, NOTHING

OURS = "price"
OURS_OR_AC = "price or AC"


def lineup() -> dict[str, Contender]:
    """Who competes everywhere: ours and the rules of the field. A new policy is one more entry."""
    return {
        OURS: Priced(),
        OURS_OR_AC: price_or_adaptive_consistency,
        **FIELD,
        "static N*(p)": Allocation(by_mean=True),
        "predicted gain": Allocation(by_mean=False),
        "length router": length_router,
        "random router": random_router,
        "fixed confidence": FixedConfidence(),
        "oracle: known p": known_pass_rate,
    }


def price_or_adaptive_consistency(training: Trajectories) -> list[Setting]:
    """Ours, with Adaptive-Consistency's thresholds among its settings: training questions say which is cheaper.

    Where a population fits the votes of a class badly, the rule that knows nothing of it is the better one.
    """
    return [*Priced()(training), *adaptive_consistency(training)]


def ablations() -> dict[str, Contender]:
    """Ours without one of its parts, on the mixed stream only: tables of many classes take their time."""
    return {
        "price, first length only": Priced(views=(LENGTH,)),
        "price, no first sample": Priced(views=(NOTHING,)),
        "price, no class": Priced(by_class=False),
        "price, shuffled": Priced(shuffled=True),
        "price, raw counts": Empirical(),
    }
