"""How often a verifier is right, counted where the truth is known: what its word is worth.

A stopping rule takes the rate of false accepts (`stopping.UntilAccepted`), a router the worth of an accepted sample.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tts_agent.effects import Flow
from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict, Verifier


@dataclass(frozen=True, slots=True)
class AcceptRates:
    """Counts of verdicts on samples known to be right or wrong. Counts of further samples are added with `+`."""

    right_accepted: int = 0
    right_rejected: int = 0
    wrong_accepted: int = 0
    wrong_rejected: int = 0

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 0:
            raise ConfigurationError(f"counts must be >= 0: {self}")

    @classmethod
    def of(cls, verdicts: Sequence[Verdict], right: Sequence[bool]) -> AcceptRates:
        """From verdicts, and whether each of the samples was right."""
        if len(verdicts) != len(right):
            raise ConfigurationError(f"{len(verdicts)} verdicts cannot have {len(right)} labels")
        pairs = [(verdict.accepted, bool(label)) for verdict, label in zip(verdicts, right, strict=True)]
        return cls(*(pairs.count(pair) for pair in ((True, True), (False, True), (True, False), (False, False))))

    def __add__(self, other: AcceptRates) -> AcceptRates:
        return AcceptRates(
            self.right_accepted + other.right_accepted,
            self.right_rejected + other.right_rejected,
            self.wrong_accepted + other.wrong_accepted,
            self.wrong_rejected + other.wrong_rejected,
        )

    @property
    def true_accept(self) -> Beta:
        """Belief about P(accepted | right), from Jeffreys' prior; its mean is one half where nothing was counted."""
        return Beta(self.right_accepted + 0.5, self.right_rejected + 0.5)

    @property
    def false_accept(self) -> Beta:
        """Belief about P(accepted | wrong), likewise."""
        return Beta(self.wrong_accepted + 0.5, self.wrong_rejected + 0.5)

    def p_right(self, pass_rate: float, *, accepted: bool) -> float:
        """P(a sample is right | the verdict), for a model right with probability `pass_rate` (Bayes, at the means)."""
        right, wrong = self.true_accept.mean, self.false_accept.mean
        if not accepted:
            right, wrong = 1.0 - right, 1.0 - wrong
        return pass_rate * right / (pass_rate * right + (1.0 - pass_rate) * wrong)

    def __str__(self) -> str:
        """Such as "accepts 95 % [90, 98] of the right and 4 % [1, 9] of the wrong (120 and 85 samples)"."""
        rights, wrongs = self.right_accepted + self.right_rejected, self.wrong_accepted + self.wrong_rejected
        return (
            f"accepts {_percent(self.true_accept)} of the right and {_percent(self.false_accept)} of the wrong "
            f"({rights} and {wrongs} samples)"
        )


Rates = Mapping[str, Mapping[str, AcceptRates]]
"""Verifier -> class of step -> its rates there."""


def measured(verifier: Verifier, step: Step, samples: Sequence[Sample], right: Sequence[bool]) -> Flow[AcceptRates]:
    """Let a verifier judge samples whose truth is known."""
    return AcceptRates.of((yield from verifier.verify(step, samples)), right)


def write_rates(path: Path, rates: Rates) -> None:
    """Save as JSON."""
    plain = {name: {kind: asdict(counts) for kind, counts in kinds.items()} for name, kinds in rates.items()}
    path.write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_rates(path: Path) -> Rates:
    """What `write_rates` saved.

    Raises:
        ConfigurationError: the file is not there, or holds something else.
    """
    try:
        plain: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
        return {name: {kind: AcceptRates(**counts) for kind, counts in kinds.items()} for name, kinds in plain.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} cannot be read as rates of verifiers: {error}") from None


def _percent(belief: Beta) -> str:
    low, high = belief.interval()
    return f"{belief.mean:.0%} [{low:.0%}, {high:.0%}]"
