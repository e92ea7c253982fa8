"""What the last sample of a recorded step was expected to bring, when it was asked for."""

from __future__ import annotations

from tts_agent.learning.record_file import Record
from tts_agent.probability import Beta
from tts_agent.routing.profile import ClassProfile
from tts_agent.stopping import PriceRule, Prices
from tts_agent.voting import Tally

AHEAD = (1, 2, 4, 8)
"""How many samples a look ahead may take: one alone cannot overturn 2 to 0, and yet it is on the way to do so."""

_FREE = Prices(0.0)
_UNKNOWN = Beta(1.0, 1.0)


def worth_of_last(record: Record, profile: ClassProfile) -> float | None:
    """Expected right answers per token of the last sample; None where nothing says what it was drawn for.

    That is the marginal value of the step's last token. A step that stopped because more was not worth the price is
    near its price; one far above the price was cut off where tokens would have helped, one far below spent too much.

    A first sample brings the pass@1 that was believed. A further vote brings the best rate of gain in P(the leader is
    right) over looks ahead of 1, 2, 4 and 8 samples, under the belief and the class's population; another try for a
    verifier, pass@1 after the rejections so far; a round of refinement, the class's fix rate where it was measured.
    """
    drawn = len(record.samples)
    tokens = sum(sample.input_tokens + sample.output_tokens for sample in record.samples)
    if not tokens:
        return None
    belief = Beta(*record.belief) if record.belief else None
    mean = belief or profile.reference or _UNKNOWN
    if drawn == 1:
        gain: float | None = mean.mean
    elif record.strategy == "sequential_refinement":
        gain = profile.fix_rate or None
    elif record.accepted is not None:
        gain = mean.a / (mean.concentration + drawn - 1)
    else:
        gain = _by_votes(record, profile, belief)
    return None if gain is None else gain * drawn / tokens


def _by_votes(record: Record, profile: ClassProfile, belief: Beta | None) -> float:
    """Gain per sample, at the best rate."""
    before = Tally(tuple(sample.vote for sample in record.samples[:-1]))
    questions = profile.questions(belief, _UNKNOWN)
    return max(PriceRule(questions, _FREE, before.drawn + ahead).gain(before) / ahead for ahead in AHEAD)
