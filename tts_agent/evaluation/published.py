"""A check of the lab itself: published numbers come out of the recorded samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tts_agent.evaluation.banks import Bank, BankError, find_bank, load_bank
from tts_agent.evaluation.limits import coverage, reliability
from tts_agent.evaluation.orderings import DEFAULT_ORDERINGS
from tts_agent.evaluation.play import play
from tts_agent.evaluation.trajectories import trajectories
from tts_agent.stopping import AdaptiveConsistency, FixedSize, StoppingRule, Window

LAST_LETTERS = "last_letters__gpt-3.5-turbo__cot_t0.7"
TAU = "tau_bench_airline__gpt-4o__trials4"
HUMANEVAL = "humaneval__codegen-16b__t0.8"


@dataclass(frozen=True, slots=True)
class Reproduced:
    """One number."""

    bank: str
    what: str
    low: float
    """What was published lies between `low` and `high`, its rounding included."""
    high: float
    measured: float

    @property
    def holds(self) -> bool:
        """Whether the lab says the same."""
        return self.low <= self.measured <= self.high


def reproduced(*, orderings: int = DEFAULT_ORDERINGS, seed: int = 0) -> list[Reproduced]:
    """Li et al., arXiv 2401.10480, on Last Letters; tau-bench, arXiv 2406.12045; HumanEval with CodeGen-16B of CodeT,
    arXiv 2207.10397. Banks that are not there are left out."""
    checks: tuple[tuple[str, Callable[[Bank], list[Reproduced]]], ...] = (
        (LAST_LETTERS, lambda bank: _last_letters(bank, orderings, seed)),
        (TAU, _tau),
        (HUMANEVAL, _humaneval),
    )
    found = []
    for name, check in checks:
        try:
            bank = load_bank(find_bank(name))
        except BankError:
            continue
        found += check(bank)
    return found


def _last_letters(bank: Bank, orderings: int, seed: int) -> list[Reproduced]:
    replays = trajectories(bank, number=orderings, seed=seed, max_samples=40)
    rules: dict[str, StoppingRule] = {
        "SC-40": FixedSize(40),
        "ESC (window 5)": Window(5, 40),
        "Adaptive-Consistency (.95)": AdaptiveConsistency(0.95, 40),
    }
    rows = []
    ends = {"SC-40": (0.831, 0.831), "ESC (window 5)": (0.832, 0.832), "Adaptive-Consistency (.95)": (0.831, 0.832)}
    samples = {"ESC (window 5)": (8.8, 8.9), "Adaptive-Consistency (.95)": (6.4, 6.4)}
    for name, rule in rules.items():
        result = play(replays, rule)
        low, high = ends[name]
        rows.append(
            Reproduced(bank.name, f"{name}, accuracy", low - 0.0015, high + 0.0015, float(result.correct.mean()))
        )
        if name in samples:
            low, high = samples[name]
            rows.append(Reproduced(bank.name, f"{name}, samples", low - 0.1, high + 0.1, float(result.drawn.mean())))
    return rows


def _tau(bank: Bank) -> list[Reproduced]:
    published = (0.420, 0.273, 0.220, 0.200)
    return [
        Reproduced(bank.name, f"pass^{k}", value - 0.0005, value + 0.0005, reliability(bank, k))
        for k, value in enumerate(published, start=1)
    ]


def _humaneval(bank: Bank) -> list[Reproduced]:
    return [
        Reproduced(bank.name, f"pass@{k}", value - 0.0005, value + 0.0005, coverage(bank, k))
        for k, value in ((1, 0.221), (100, 0.738))
    ]
