"""The production `Cascade` over recorded efforts: votes at a cheap effort, one call of a dearer one where they differ.

Every call goes through driver, ledger and panel, with recorded samples behind them. The first rung's P(correct) is that
of the population fitted to the samples of other questions (five folds). Efforts whose wrong answers were not recorded
cannot vote: there agreement would give away who is right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tts_agent.budget import Budget, Tariff
from tts_agent.driver import Driver
from tts_agent.evaluation.arm_efforts import GPQA_PROMPT, effort_banks, recorded_arms
from tts_agent.evaluation.arm_ladder import Curve, Ladder
from tts_agent.evaluation.banks import Bank, RecordedQuestion, RecordedSample
from tts_agent.evaluation.bootstrap import Floats
from tts_agent.evaluation.replay_sampler import ReplaySampler
from tts_agent.population import Population, VoteCounts, fit_population
from tts_agent.samplers.panel import PanelSampler
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import Cascade, Rung, SelfConsistency, Single

VOTES = (2, 3)
CONFIDENT = (0.6, 0.75, 0.9)
FOLDS = 5
ENOUGH = 1000.0
"""Dollars: a budget in money, so that the ledger prices each call by the arm that answers it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Votes of one effort, then one call of another."""

    low: str
    high: str
    votes: int
    confident: float

    def strategy(self, population: Population) -> Cascade:
        """The cascade, which knows how often the low effort is right, and how its wrong answers fall."""
        first = SelfConsistency(FixedSize(self.votes), population=population)
        rungs = (Rung(first, {"model": self.low}), Rung(Single(), {"model": self.high}))
        return Cascade(rungs, self.confident)


def settings_of(ladder: Ladder) -> list[Setting]:
    """From every effort that can vote to every dearer one."""
    efforts = [arm.name for arm in ladder.arms]
    pairs = [(low, high) for at, low in enumerate(efforts) if ladder.arms[at].comparable for high in efforts[at + 1 :]]
    return [Setting(low, high, votes, sure) for low, high in pairs for votes in VOTES for sure in CONFIDENT]


def cascade_curve(ladder: Ladder, splits: int) -> Curve | None:
    """Whether each setting was right about each question, and its cost; None where no effort can vote."""
    settings = settings_of(ladder)
    if not settings:
        return None
    arms = recorded_arms(ladder.name)
    banks = dict(zip([arm.name for arm in arms], effort_banks(ladder.name), strict=True))
    tariffs = {banks[arm.name].name: Tariff(*arm.price) for arm in arms}
    prompt = GPQA_PROMPT if ladder.prompt is None else float(ladder.prompt.mean()) / 4.0
    played = [asyncio.run(_replayed(banks, tariffs, settings, split, round(prompt))) for split in range(splits)]
    correct, costs = np.moveaxis(np.mean(played, axis=0), 2, 0)
    return Curve(correct, costs)


async def _replayed(
    banks: Mapping[str, Bank], tariffs: Mapping[str, Tariff], settings: Sequence[Setting], split: int, prompt: int
) -> Floats:
    """(settings, questions, 2): right, and cost, in one order of the samples and one assignment to folds."""
    samplers = {name: ReplaySampler(bank, ordering=split, prompt_tokens=prompt) for name, bank in banks.items()}
    panel = PanelSampler(samplers)
    rows: list[list[tuple[bool, float]]] = []
    number = len(next(iter(banks.values())).questions)
    fold = np.random.default_rng(split).permutation(np.arange(number) % FOLDS)
    known = {
        name: [
            fit_population([_counted(q) for q, f in zip(bank.questions, fold, strict=True) if f != out]).pruned()
            for out in range(FOLDS)
        ]
        for name, bank in banks.items()
        if any(setting.low == name for setting in settings)
    }
    for setting in settings:
        strategies = [setting.strategy(population) for population in known[setting.low]]
        rows.append(
            [
                await _answer(panel, tariffs, strategies[int(fold[at])], _step(samplers, question))
                for at, question in enumerate(banks[setting.low].questions)
            ]
        )
    return np.array(rows, dtype=np.float64)


async def _answer(
    panel: PanelSampler, tariffs: Mapping[str, Tariff], strategy: Cascade, step: Step
) -> tuple[bool, float]:
    """Whether it is right, and millionths of a dollar: tokens, where one is a dollar a million."""
    driver = Driver(panel, Budget(money=ENOUGH, tariffs=tariffs))
    outcome = await driver.run(strategy.run(step))
    recorded = outcome.sample.raw if outcome.sample is not None else None
    assert isinstance(recorded, RecordedSample)
    return recorded.correct, 1e6 * driver.charged.dollars


def _step(samplers: Mapping[str, ReplaySampler], question: RecordedQuestion) -> Step:
    """The step, with room for the longest reply of any effort."""
    steps = [sampler.step(question) for sampler in samplers.values()]
    return replace(steps[0], max_tokens=max(step.max_tokens for step in steps))


def _counted(question: RecordedQuestion) -> VoteCounts:
    return VoteCounts.of((sample.answer, sample.correct) for sample in question.samples)
