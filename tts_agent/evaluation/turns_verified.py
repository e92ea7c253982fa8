"""Replaying verified sampling: what does the price rule find, and for which share of drawing everything?

The verifier is exact (tests, arithmetic): it knows a right sample when it sees one. Cross-fitted: the belief about
pass@1, the cost of a try and the price that is meant to find 95 % come from the other folds. Samples are replayed
in the lab's common random orderings; a question's samples are exchangeable and carry no signal here, so that every
rule that looks at them comes down to a number of tries, and this one's is that of `UntilAccepted`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.orderings import DEFAULT_ORDERINGS, digest, orderings
from tts_agent.evaluation.replay_sampler import PROMPT_TOKENS
from tts_agent.evaluation.token_counts import token_counts
from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.stopping.beta_fit import fit_passes
from tts_agent.stopping.until_accepted import UntilAccepted
from tts_agent.voting import Tally

Floats = NDArray[np.float64]

PRICES = tuple(float(price) for price in np.geomspace(1e-6, 1e-2, 161))
"""Prices of a token, in units of a solved question."""

TARGET, ALLOWED = 0.95, 0.5


@dataclass(frozen=True, slots=True)
class VerifiedPoint:
    """One rule, averaged over orderings and questions."""

    price: float
    """Price of a token in units of a solved question; nan where no price was asked."""
    tries: float
    """Most tries a question gets."""
    found: float
    """Solved questions as a share of those that drawing everything solves."""
    tokens: float
    """Tokens as a share of drawing everything."""


@dataclass(frozen=True, slots=True)
class VerifiedReplay:
    """One bank."""

    name: str
    questions: int
    samples: int
    """Recorded samples of a question: what "everything" means."""
    solvable: float
    """Share of questions that everything solves."""
    curve: tuple[VerifiedPoint, ...]
    """At each price, by the rule fitted to the other folds."""
    chosen: VerifiedPoint
    """At the highest price that finds the target share on the other folds."""
    found_interval: tuple[float, float]
    """95 % of the bootstrap over questions, of the chosen point."""
    tokens_interval: tuple[float, float]
    to_the_end: VerifiedPoint
    """Stopping at success only, with every sample allowed."""
    clairvoyant: VerifiedPoint
    """Who knows which questions are solvable, and draws on those alone until success."""
    at_half: float
    """The largest share found on the curve at no more than half of the tokens."""

    @property
    def passed(self) -> bool:
        """At least 95 % of what everything finds, at no more than half of its tokens."""
        return self.chosen.found >= TARGET and self.chosen.tokens <= ALLOWED


def replay_verified(
    bank: Bank,
    *,
    prices: Sequence[float] = PRICES,
    number: int = DEFAULT_ORDERINGS,
    folds: int = 4,
    seed: int = 0,
    prompt_tokens: int = PROMPT_TOKENS,
    resamples: int = 2000,
) -> VerifiedReplay:
    """Replay a bank whose samples were all verified. Questions must have equally many samples.

    Raises:
        ConfigurationError: fewer questions than folds, ragged questions, or nothing solvable.
    """
    right, cost = _replays(bank, number, seed, prompt_tokens)
    questions, samples = right.shape[0], right.shape[2]
    if questions < folds or folds < 2:
        raise ConfigurationError(f"{bank.name}: {questions} questions cannot be split in {folds} folds")
    passes = right[:, 0].sum(axis=1)
    if not passes.any():
        raise ConfigurationError(f"{bank.name}: no question is ever solved, there is nothing to find")
    found, spent = _by_tries(right, cost)
    everything = cost.sum(axis=2).mean(axis=1)
    fold = np.argsort(np.argsort([digest(seed, question.id) for question in bank.questions])) % folds
    most = np.zeros((len(prices), questions), dtype=np.intp)
    chosen = np.zeros(questions, dtype=np.intp)
    chosen_price = 0.0
    for k in range(folds):
        test, train = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        belief = fit_passes((int(passes[i]), samples) for i in train)
        per_try = float(cost[train].mean())
        caps = [tries_of(belief, price * per_try, samples) for price in prices]
        most[:, test] = np.array(caps)[:, None]
        reached = found[train][:, caps].sum(axis=0) / (passes[train] > 0).sum()
        enough = [j for j in range(len(prices)) if reached[j] >= TARGET] or [int(np.argmin(prices))]
        pick = max(enough, key=lambda j: prices[j])
        chosen[test] = caps[pick]
        chosen_price += prices[pick] * len(test) / questions
    rows = np.arange(questions)
    solvable = passes > 0

    def point(
        tries: NDArray[np.intp], price: float = float("nan"), only: NDArray[np.bool_] | None = None
    ) -> VerifiedPoint:
        drawn = spent[rows, tries] if only is None else np.where(only, spent[rows, tries], 0.0)
        return VerifiedPoint(
            price,
            float(tries.mean()),
            float(found[rows, tries].sum() / solvable.sum()),
            float(drawn.sum() / everything.sum()),
        )

    curve = tuple(point(tries, price) for price, tries in zip(prices, most, strict=True))
    draws = np.random.default_rng(seed).integers(0, questions, (resamples, questions))
    shares = found[rows, chosen][draws].sum(axis=1) / np.maximum(solvable[draws].sum(axis=1), 1)
    tokens = spent[rows, chosen][draws].sum(axis=1) / everything[draws].sum(axis=1)
    full = np.full(questions, samples)
    return VerifiedReplay(
        bank.name,
        questions,
        samples,
        float(solvable.mean()),
        curve,
        point(chosen, chosen_price),
        _interval(shares),
        _interval(tokens),
        point(full),
        point(full, only=solvable),
        max((each.found for each in curve if each.tokens <= ALLOWED), default=0.0),
    )


def tries_of(belief: Beta, cost: float, most: int) -> int:
    """Tries that the production rule makes if all are rejected; with a batch of one, each is asked for by itself."""
    rule, tries = UntilAccepted(belief, cost, most), 0
    while rule.still_needed(Tally((None,) * tries)):
        tries += 1
    return tries


def _replays(bank: Bank, number: int, seed: int, prompt: int) -> tuple[NDArray[np.bool_], Floats]:
    """Whether each sample is right and what it costs, in each ordering: (questions, orderings, samples)."""
    sizes = {len(question.samples) for question in bank.questions}
    if len(sizes) != 1:
        raise ConfigurationError(
            f"{bank.name}: questions have {min(sizes, default=0)} to {max(sizes, default=0)} samples"
        )
    tokens = token_counts(bank)
    right, cost = [], []
    for question in bank.questions:
        order = orderings(seed, question.id, len(question.samples), number)
        right.append(np.array([sample.correct for sample in question.samples])[order])
        cost.append(prompt + np.array(tokens[question.id], dtype=np.float64)[order])
    return np.array(right), np.array(cost)


def _by_tries(right: NDArray[np.bool_], cost: Floats) -> tuple[Floats, Floats]:
    """P(found) and expected tokens with at most 0, 1, ... tries, over orderings: (questions, samples + 1)."""
    questions, number, _ = right.shape
    before = np.zeros((questions, number, 1))
    found = np.concatenate([before, np.maximum.accumulate(right, axis=2)], axis=2)
    spent = np.concatenate([before, np.cumsum(np.where(found[:, :, :-1] > 0.0, 0.0, cost), axis=2)], axis=2)
    return found.mean(axis=1), spent.mean(axis=1)


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)
