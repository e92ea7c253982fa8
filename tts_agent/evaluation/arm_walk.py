"""Our policy on a ladder of arms, question by question, at many prices at once."""

from __future__ import annotations

import numpy as np

from tts_agent.evaluation.arm_ladder import Ladder, Split
from tts_agent.routing.arm_fitting import Ints
from tts_agent.routing.arms import ArmModel, Belief, Floats, values

History = tuple[tuple[int, int | None, int], ...]
"""Draws so far: arm, bin of the length, block of the answer."""


class Walk:
    """Our policy at many prices at once: what `ArmPolicy.decide` says at each, with its answers remembered."""

    def __init__(self, model: ArmModel, prices: Floats, max_draws: int) -> None:
        self._model, self._prices, self._max_draws = model, prices, max_draws
        self._start: dict[tuple[int, ...], Belief] = {}
        self._plans: dict[tuple[tuple[int, ...], History], tuple[Belief, Ints, int]] = {}

    def doubt(self, length: int | None, context: tuple[int, ...]) -> float:
        """P(a reply of this length from the cheapest arm is wrong)."""
        belief = self._belief(context, ((0, length, 0),))
        return 1.0 - float(belief.candidates().sum()) / float(belief.classes.sum())

    def __call__(
        self,
        ladder: Ladder,
        question: int,
        split: Split,
        context: tuple[int, ...],
        found: tuple[Floats, Floats],
    ) -> None:
        """Adds (correct, costs) of one question to `found`, both (prices, Q)."""
        model, records = self._model, ladder.records
        order, numbers = split.order[question], split.test[question].sum(axis=1)
        stack: list[tuple[History, Ints, float, tuple[tuple[int, int], ...]]] = [
            ((), np.arange(len(self._prices)), 0.0, ())
        ]
        while stack:
            history, prices, spent, taken = stack.pop()
            _, choice, answer = self._plan(context, history)
            for arm in np.unique(choice[prices]):
                chosen = prices[choice[prices] == arm]
                used = sum(entry[0] == arm for entry in history)
                if arm < 0 or used >= numbers[arm]:
                    found[0][chosen, question] = records.correct[question][taken[answer]]
                    found[1][chosen, question] = spent
                    continue
                sample = int(order[arm, used])
                length = length_bin(model, arm, records.lengths[question, arm, sample])
                block = self._block(ladder, question, history, taken, (int(arm), sample))
                stack.append(
                    (
                        (*history, (int(arm), length, block)),
                        chosen,
                        spent + float(records.costs[question, arm, sample]),
                        (*taken, (int(arm), sample)),
                    )
                )

    def _plan(self, context: tuple[int, ...], history: History) -> tuple[Belief, Ints, int]:
        key = (context, history)
        if key not in self._plans:
            belief = self._belief(context, history)
            counts = [sum(entry[0] == arm for entry in history) for arm in range(len(self._model.arms))]
            table = values(belief, counts, self._prices, self._max_draws)
            if not history:
                table = table[1:]
            choice = table.argmax(axis=0) - (1 if history else 0)
            answer = self._first(history)[int(belief.candidates().sum(axis=1).argmax())] if history else -1
            self._plans[key] = (belief, choice, answer)
        return self._plans[key]

    def _belief(self, context: tuple[int, ...], history: History) -> Belief:
        if not history:
            if context not in self._start:
                self._start[context] = Belief.before(self._model, context)
            return self._start[context]
        earlier = self._plans.get((context, history[:-1]))
        belief = earlier[0] if earlier else self._belief(context, history[:-1])
        arm, length, block = history[-1]
        return belief.seeing(arm, block, length)

    def _first(self, history: History) -> list[int]:
        """For each candidate of the belief, the first draw that gave it."""
        sets: dict[str | None, dict[int, int]] = {}
        alone = []
        for index, (arm, _, block) in enumerate(history):
            name = self._model.arms[arm].comparable
            if name is None:
                alone.append(index)
            else:
                sets.setdefault(name, {}).setdefault(block, index)
        return [index for blocks in sets.values() for index in blocks.values()] + alone

    def _block(
        self, ladder: Ladder, question: int, history: History, taken: tuple[tuple[int, int], ...], new: tuple[int, int]
    ) -> int:
        """The block that a new draw falls into."""
        name = self._model.arms[new[0]].comparable
        if name is None:
            return 0
        answers = ladder.records.answers[question]
        same_set = [
            (entry[2], place)
            for entry, place in zip(history, taken, strict=True)
            if self._model.arms[entry[0]].comparable == name
        ]
        if answers[new] >= 0:
            for block, place in same_set:
                if answers[place] == answers[new]:
                    return block
        return 1 + max((block for block, _ in same_set), default=-1)


def length_bin(model: ArmModel, arm: int, length: float) -> int | None:
    """The bin of a reply's length, as the model counts; None where it has none."""
    if not np.isfinite(length) or not len(model.edges[arm]):
        return None
    return int(np.searchsorted(model.edges[arm], length))
