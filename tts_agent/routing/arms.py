"""Arms that compete for a step by gain per token: efforts of one model, or models of one family.

A question belongs to one of K latent classes, which say how often each arm is right, how long its replies are and
what they cost. What was drawn so far, how long it was and which answers agree, says which class this question is
probably in; from there every arm has an expected gain and an expected cost *for this question*. Difficulty alone is no
guide: hard questions are dear at every arm, and many of them no arm gets right (`ALGORITHMS.md`, section 4).

Wrong answers of a class scatter by the Ewens sampling formula (Ewens 1972), as in `voting`. The model is a latent
class analysis (Lazarsfeld and Henry 1968); `arm_fitting` learns it.

Needs numpy; `import tts_agent` does not load this module.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, lgamma, log
from typing import Any

import numpy as np
import numpy.typing as npt

from tts_agent.exceptions import ConfigurationError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to answer a question with one call."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the request needs for this arm, e.g. {"reasoning_effort": "high"}."""
    comparable: str | None = None
    """Arms with the same name here give answers that can be compared, and so vote together; None: nothing votes,
    because answers were not recorded or are not comparable even among samples of this arm."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One call that was made for the question."""

    arm: int
    """Index of the arm."""
    length: float | None = None
    """Output tokens as reported; None when nobody knows."""
    answer: Hashable | None = None
    """None agrees with nothing."""


@dataclass(frozen=True, eq=False)
class ArmModel:
    """What was learned about K classes of questions and A arms, cheapest arm first."""

    arms: tuple[Arm, ...]
    weights: Floats
    """(K,): how common each class is."""
    passes: Floats
    """(K, A): pass rates, within (0, 1)."""
    costs: Floats
    """(K, A): expected tokens of one call, input and output, in tokens of one common price."""
    lengths: tuple[Floats, ...]
    """A times (K, bins): how likely a reply's length falls into each bin. One bin where lengths say nothing."""
    edges: tuple[Floats, ...]
    """A times (bins - 1,): output tokens between the bins, ascending."""
    context: tuple[Floats, ...] = ()
    """For each signal known before any call, (K, values): how likely each of its values is."""
    theta: float = 1.0
    """Concentration of wrong answers."""

    def __post_init__(self) -> None:
        shape = (len(self.weights), len(self.arms))
        if not self.arms or self.passes.shape != shape or self.costs.shape != shape:
            raise ConfigurationError(f"a model of arms needs pass rates and costs of shape {shape}")
        if not (np.all(self.passes > 0.0) and np.all(self.passes < 1.0) and np.all(self.costs > 0.0)):
            raise ConfigurationError("pass rates of arms must lie within (0, 1) and costs above 0")
        if not self.theta > 0.0:
            raise ConfigurationError(f"theta is {self.theta}: it must be above 0")

    def bin(self, draw: Draw) -> int | None:
        """The bin of a draw's length; None when it says nothing."""
        if draw.length is None or not len(self.edges[draw.arm]):
            return None
        return int(np.searchsorted(self.edges[draw.arm], draw.length))


@dataclass(frozen=True)
class Belief:
    """What is known of one question: P(class and what was seen), and which draws agree.

    Every array is joint with what was seen and not normalized, so that beliefs can be summed.
    """

    model: ArmModel
    classes: Floats
    """(K,), everything seen so far included."""
    blocks: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    """For each set of comparable arms, the arms that gave each distinct answer."""
    alone: tuple[int, ...] = ()
    """Arms drawn whose answers compare with nothing."""

    @classmethod
    def before(cls, model: ArmModel, context: Sequence[int] = ()) -> Belief:
        """Before any call; `context` has the value of each signal of `model.context`."""
        if len(context) != len(model.context):
            raise ConfigurationError(f"{len(model.context)} signals are known before a call, got {len(context)}")
        classes = model.weights
        for table, value in zip(model.context, context, strict=True):
            classes = classes * table[:, value]
        return cls(model, classes / classes.sum())

    @classmethod
    def after(cls, model: ArmModel, draws: Sequence[Draw], context: Sequence[int] = ()) -> tuple[Belief, list[int]]:
        """After `draws`, and for each candidate of `candidates()` the index of the first draw that gave it."""
        belief = cls.before(model, context)
        first: dict[tuple[str | None, int], int] = {}
        labels: dict[str, list[Hashable]] = {}
        for index, draw in enumerate(draws):
            name = model.arms[draw.arm].comparable
            if name is None:
                block = len(belief.alone)
            else:
                known = labels.setdefault(name, [])
                if draw.answer is None or draw.answer not in known:
                    known.append(object() if draw.answer is None else draw.answer)
                    block = len(known) - 1
                else:
                    block = known.index(draw.answer)
            first.setdefault((name, block), index)
            belief = belief.seeing(draw.arm, block, model.bin(draw))
        order: list[tuple[str | None, int]] = [
            (name, block) for name, blocks in belief.blocks.items() for block in range(len(blocks))
        ]
        order += [(None, block) for block in range(len(belief.alone))]
        return belief, [first[key] for key in order]

    def seeing(self, arm: int, block: int, length: int | None) -> Belief:
        """After one more draw of `arm`, which gave answer `block` of its set (a new one: the number of blocks)."""
        classes = self.classes if length is None else self.classes * self.model.lengths[arm][:, length]
        name = self.model.arms[arm].comparable
        if name is None:
            return Belief(self.model, classes, self.blocks, (*self.alone, arm))
        blocks = _with(self.blocks.get(name, ()), block, arm)
        likelihood = _likelihood(self.model, blocks)[0] / _likelihood(self.model, self.blocks.get(name, ()))[0]
        return Belief(self.model, classes * likelihood, {**self.blocks, name: blocks}, self.alone)

    def candidates(self) -> Floats:
        """(candidates, K): P(class, seen, this answer is right), blocks of each set first, then those alone."""
        shares = [_likelihood(self.model, blocks)[1] for blocks in self.blocks.values()]
        shares.append(self.model.passes.T[list(self.alone)])
        joint: Floats = np.concatenate(shares) * self.classes
        return joint


@dataclass(frozen=True, slots=True)
class ArmDecision:
    """What to do next with a question."""

    arm: int | None
    """Draw once more, from this arm; None: stop."""
    answer: int | None
    """Index of the draw to answer with when stopping now; None before any."""
    values: tuple[float, ...]
    """P(correct) when stopping now, then of each arm P(correct) less the price of the tokens still to come."""


@dataclass(frozen=True, slots=True)
class ArmPolicy:
    """Draws from the arm whose expected gain is most above the price of its expected tokens, until none is."""

    model: ArmModel
    price: float
    """Price of a token, in units of one correct answer."""
    max_draws: int = 3
    """Most draws of an arm whose answers compare; others are drawn once."""

    def __post_init__(self) -> None:
        if not self.price >= 0.0 or self.max_draws < 1:
            raise ConfigurationError(f"price must be >= 0 and max_draws at least 1: {self.price}, {self.max_draws}")

    def decide(self, draws: Sequence[Draw], context: Sequence[int] = ()) -> ArmDecision:
        """The next draw, or to stop and with which answer. The first call is always made."""
        belief, first = Belief.after(self.model, draws, context)
        table = values(belief, drawn(self.model, draws), np.array([self.price]), self.max_draws)[:, 0]
        if not draws:
            return ArmDecision(int(np.argmax(table[1:])), None, tuple(map(float, table)))
        best = int(np.argmax(table))  # the first of equals, so that a tie stops
        answer = first[int(np.argmax(belief.candidates().sum(axis=1)))]
        return ArmDecision(best - 1 if best else None, answer, tuple(map(float, table)))


def drawn(model: ArmModel, draws: Sequence[Draw]) -> tuple[int, ...]:
    """How often each arm was drawn."""
    counts = [0] * len(model.arms)
    for draw in draws:
        counts[draw.arm] += 1
    return tuple(counts)


def values(belief: Belief, counts: Sequence[int], prices: Floats, max_draws: int = 3) -> Floats:
    """(1 + A, prices): value of stopping now, and of drawing each arm next and acting well afterwards.

    Looks two draws ahead: the value of a draw is averaged over the lengths and agreements that it may show, with
    stopping or one further arm after it. An arm that may not be drawn again is worth -inf.
    """
    model, scale = belief.model, float(belief.classes.sum())
    arms = range(len(model.arms))
    answers = belief.candidates()
    stop = float(answers.sum(axis=1).max(initial=0.0)) / scale
    table = np.full((1 + len(model.arms), len(prices)), -np.inf)
    table[0] = stop
    for arm in arms:
        if counts[arm] >= (1 if model.arms[arm].comparable is None else max_draws):
            continue
        seen, right = _outlook(belief, arm)
        cost = prices * float(belief.classes @ model.costs[:, arm]) / scale
        unseen = [other for other in arms if other != arm and not counts[other]]
        best = np.broadcast_to(right, (len(prices), len(right)))
        gross, further = seen @ model.passes, seen @ model.costs
        for other in unseen:
            best = np.maximum(best, gross[:, other] - prices[:, None] * further[:, other])
        table[1 + arm] = best.sum(axis=1) / scale - cost
    return table


def _outlook(belief: Belief, arm: int) -> tuple[Floats, Floats]:
    """What one draw of `arm` may show: (outcomes, K) joint beliefs, and (outcomes,) the best answer's P(right)."""
    model = belief.model
    name = model.arms[arm].comparable
    number = 1 if name is None else len(belief.blocks.get(name, ())) + 1
    lengths = model.lengths[arm].T
    seen, right = [], []
    for block in range(number):
        after = belief.seeing(arm, block, None)
        rows = after.classes * lengths
        # given the class, P(right) does not depend on the length
        share = after.candidates() / after.classes
        seen.append(rows)
        right.append((rows @ share.T).max(axis=1))
    return np.concatenate(seen), np.concatenate(right)


@lru_cache(maxsize=20_000)
def _likelihood(model: ArmModel, blocks: tuple[tuple[int, ...], ...]) -> tuple[Floats, Floats]:
    """Given each class, (K,): likelihood of the partition; (blocks, K): P(this block is right | partition)."""
    passes, theta = model.passes, model.theta
    sizes = [len(block) for block in blocks]
    wrong = [np.prod(1.0 - passes[:, list(block)], axis=1) for block in blocks]
    total: Floats = np.prod(np.array(wrong).reshape(-1, len(passes)), axis=0) * _scatter(theta, sizes)
    parts = np.zeros((len(blocks), len(passes)))
    for j, block in enumerate(blocks):
        others = [wrong[i] for i in range(len(blocks)) if i != j]
        scatter = _scatter(theta, sizes[:j] + sizes[j + 1 :])
        parts[j] = np.prod([np.prod(passes[:, list(block)], axis=1), *others], axis=0) * scatter
    total = total + parts.sum(axis=0)
    return total, parts / total


def _with(blocks: tuple[tuple[int, ...], ...], block: int, arm: int) -> tuple[tuple[int, ...], ...]:
    if block == len(blocks):
        return (*blocks, (arm,))
    return tuple((*arms, arm) if index == block else arms for index, arms in enumerate(blocks))


def _scatter(theta: float, sizes: Sequence[int]) -> float:
    """Ewens: probability that wrong answers fall into blocks of these sizes."""
    if not sizes:
        return 1.0
    n = sum(sizes)
    return exp(len(sizes) * log(theta) + sum(map(lgamma, sizes)) + lgamma(theta) - lgamma(theta + n))
