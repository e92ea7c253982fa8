"""Effort and model arms: cost at the accuracy of the best fixed arm less half a point, ours against its rivals.

    best fixed arm         the arm with the highest accuracy, for every question
    random mixing          each question's arm is drawn at random; any mixture of arms
    length router          long questions go to a dearer arm
    first-length cascade   the cheapest arm first; long replies go to a dearer arm
    difficulty router      questions predicted to be hard, from their text, go to a dearer arm
    difficulty cascade     the cheapest arm first; replies that are probably wrong go to a dearer arm
    split-half oracle      no policy but a limit: the best arm by half of the question's own samples
    ours                   `routing.arms`: gain per token, at a grid of prices

Every contender may also toss a coin between two of its settings or a fixed arm, as random mixing does; so what is
compared is the lower hull of each one's points. "alone" is ours without fixed arms in the mixture. Points are read
off held-out outcomes themselves, which flatters whoever has many; `held_out` instead chooses them on half of the
questions and reports what they do on the other half.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

import numpy as np

from tts_agent.evaluation.arm_data import FAMILIES, ROUTELLM, ZEROEVAL, panel_ladder, text_features
from tts_agent.evaluation.arm_efforts import EFFORTS, effort_ladder
from tts_agent.evaluation.arm_ladder import Curve, Ladder
from tts_agent.evaluation.arm_replay import ArmReplay
from tts_agent.evaluation.banks import find_bank, load_bank
from tts_agent.routing.arms import Floats

MARGIN = 0.005
"""Accuracy that may be lost against the best fixed arm."""

PANEL_SPLITS = 5
"""Splits for panels: an arm was sampled once there, so splits differ in their folds only."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One contender on one ladder."""

    name: str
    cost: float
    """Cost at the target accuracy, as a share of the best fixed arm's; infinite when it is never reached."""
    low: float
    high: float
    """95 % interval, bootstrap over questions."""
    to_mixing: float
    """Cost over that of random mixing."""
    to_mixing_low: float
    to_mixing_high: float
    """95 % interval of that ratio, paired over questions."""
    held_out: tuple[float, float]
    """Operating point chosen on other questions: share of the best fixed arm's cost, and accuracy less target."""
    held_out_to_mixing: float
    """Cost of that operating point over what random mixing costs at the same accuracy: below 1, nothing of the gain
    is owed to choosing points where they look good."""


@dataclass(frozen=True, slots=True)
class LadderResult:
    """How the contenders stand on one ladder."""

    name: str
    questions: int
    arms: Mapping[str, tuple[float, float]]
    """Accuracy and mean cost of each arm."""
    best: str
    target: float
    """Accuracy of the best arm less `MARGIN`."""
    standings: tuple[Standing, ...]

    def of(self, name: str) -> Standing:
        """The contender of that name; KeyError if it did not play."""
        for standing in self.standings:
            if standing.name == name:
                return standing
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class ArmLab:
    """Replays ladders and reports."""

    replay: ArmReplay = field(default_factory=ArmReplay)
    resamples: int = 1000
    halves: int = 40

    def __call__(self, ladder: Ladder) -> LadderResult:
        """The result of one ladder. Deterministic."""
        return self.compare(ladder, self.replay(ladder))

    def compare(self, ladder: Ladder, curves: Mapping[str, Curve]) -> LadderResult:
        """The result from curves that were replayed already."""
        fixed = curves["fixed"]
        played = contenders(curves)
        number = fixed.correct.shape[1]
        rng = np.random.default_rng(0)
        even = np.full((1, number), 1.0 / number)
        point = _shares(played, fixed, even)
        drawn = [_shares(played, fixed, _resample(rng, number, count)) for count in _batches(self.resamples)]
        boot = {name: np.concatenate([each[name] for each in drawn]) for name in played}
        accuracy, costs = fixed.correct.mean(axis=1), fixed.costs.mean(axis=1)
        best = int(accuracy.argmax())
        target = float(accuracy[best]) - MARGIN
        standings = []
        for name in played:
            low, high = _interval(boot[name])
            ratio_low, ratio_high = _interval(boot[name] / boot["random mixing"])
            ratio = float(point[name][0] / point["random mixing"][0])
            held = self._held_out(played[name], fixed)
            same = cost_at(accuracy, costs, min(float(accuracy[best]), target + held[1])) / float(costs[best])
            fair = held[0] / same
            standings.append(Standing(name, float(point[name][0]), low, high, ratio, ratio_low, ratio_high, held, fair))
        arms = {arm.name: (float(a), float(c)) for arm, a, c in zip(ladder.arms, accuracy, costs, strict=True)}
        return LadderResult(ladder.name, number, arms, ladder.arms[best].name, target, tuple(standings))

    def _held_out(self, curve: Curve, fixed: Curve) -> tuple[float, float]:
        """Choose the mixture on one half of the questions, use it on the other; (cost share, accuracy - target)."""
        rng = np.random.default_rng(1)
        number = fixed.correct.shape[1]
        found = []
        for _ in range(self.halves):
            side = rng.permutation(number) % 2 == 0
            for here, there in ((side, ~side), (~side, side)):
                best = int(fixed.correct[:, here].mean(axis=1).argmax())
                target = float(fixed.correct[best, here].mean()) - MARGIN
                mixture = mix_at(curve.correct[:, here].mean(axis=1), curve.costs[:, here].mean(axis=1), target)
                cost = float(mixture @ curve.costs[:, there].mean(axis=1))
                accuracy = float(mixture @ curve.correct[:, there].mean(axis=1))
                reference = float(fixed.correct[best, there].mean()) - MARGIN
                found.append((cost / float(fixed.costs[best, there].mean()), accuracy - reference))
        cost, accuracy = np.mean(found, axis=0)
        return float(cost), float(accuracy)


def contenders(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    """What is compared: the best fixed arm aside, each contender's settings together with the fixed arms."""
    fixed = curves["fixed"]
    played = {"random mixing": fixed}
    for name, curve in curves.items():
        if name != "fixed":
            played[name] = Curve(
                np.concatenate([fixed.correct, curve.correct]), np.concatenate([fixed.costs, curve.costs])
            )
    return {**played, "alone": curves["ours"]}


def cost_at(accuracy: Floats, costs: Floats, target: float) -> float:
    """Lowest expected cost of a mixture of two settings with this accuracy; infinite when there is none."""
    mixture = mix_at(accuracy, costs, target, or_best=False)
    return float(mixture @ costs) if mixture.any() else float("inf")


def mix_at(accuracy: Floats, costs: Floats, target: float, *, or_best: bool = True) -> Floats:
    """(settings,): the cheapest mixture of at most two settings with accuracy of at least `target`.

    Where no setting reaches it: the most accurate one, or zeros without `or_best`.
    """
    mixture = np.zeros(len(accuracy))
    above, below = np.flatnonzero(accuracy >= target), np.flatnonzero(accuracy < target)
    if not len(above):
        if or_best:
            mixture[int(accuracy.argmax())] = 1.0
        return mixture
    cheapest = int(above[costs[above].argmin()])
    least, chosen = float(costs[cheapest]), (cheapest, cheapest, 1.0)
    if len(below):
        weight = (target - accuracy[below])[None, :] / (accuracy[above][:, None] - accuracy[below][None, :])
        mixed = weight * costs[above][:, None] + (1.0 - weight) * costs[below][None, :]
        i, j = np.unravel_index(int(mixed.argmin()), mixed.shape)
        if mixed[i, j] < least:
            chosen = (int(above[i]), int(below[j]), float(weight[i, j]))
    high, low, share = chosen
    mixture[low] += 1.0 - share
    mixture[high] += share
    return mixture


def effort_ladders() -> Iterator[Ladder]:
    """Every ladder of `arm_efforts.EFFORTS`."""
    for name in EFFORTS:
        yield effort_ladder(name)


def routellm_ladders() -> Iterator[Ladder]:
    """RouteLLM's two panels, Mixtral and GPT-4."""
    for name, file in ROUTELLM.items():
        bank = load_bank(find_bank(file))
        models = ("mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview")
        yield panel_ladder(name, bank, models, text_features=text_features(bank))


def zeroeval_ladders() -> Iterator[Ladder]:
    """ZeroEval's panels, one ladder for each family of models."""
    for task, (file, families) in ZEROEVAL.items():
        bank = load_bank(find_bank(file))
        features = text_features(bank)
        for family in families:
            yield panel_ladder(f"zeroeval/{task}/{family}", bank, FAMILIES[family], text_features=features)


def all_results(lab: ArmLab | None = None, *, workers: int = 1) -> list[LadderResult]:
    """Every ladder and panel, in order, on `workers` processes. Panels get `PANEL_SPLITS` splits."""
    lab = lab or ArmLab()
    panels = with_splits(lab, min(PANEL_SPLITS, lab.replay.splits))
    jobs = [(lab, ladder) for ladder in effort_ladders()]
    jobs += [(panels, ladder) for ladder in (*routellm_ladders(), *zeroeval_ladders())]
    if workers == 1:
        return [_run(job) for job in jobs]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(_run, jobs))


def with_splits(lab: ArmLab, splits: int) -> ArmLab:
    """The same lab with another number of splits."""
    return replace(lab, replay=replace(lab.replay, splits=splits))


def _run(job: tuple[ArmLab, Ladder]) -> LadderResult:
    lab, ladder = job
    return lab(ladder)


def _shares(played: Mapping[str, Curve], fixed: Curve, weights: Floats) -> dict[str, Floats]:
    """For each contender (resamples,): cost at the target as a share of the best fixed arm's."""
    arm_accuracy, arm_costs = weights @ fixed.correct.T, weights @ fixed.costs.T
    best = arm_accuracy.argmax(axis=1)
    rows = np.arange(len(weights))
    targets, reference = arm_accuracy[rows, best] - MARGIN, arm_costs[rows, best]
    shares = {}
    for name, curve in played.items():
        accuracy, costs = weights @ curve.correct.T, weights @ curve.costs.T
        found = [cost_at(accuracy[row], costs[row], float(targets[row])) for row in rows]
        shares[name] = np.array(found) / reference
    return shares


def _resample(rng: np.random.Generator, number: int, count: int) -> Floats:
    """(count, questions): weights of bootstrap resamples."""
    drawn = rng.integers(0, number, (count, number))
    weights: Floats = np.stack([np.bincount(row, minlength=number) for row in drawn]) / number
    return weights


def _batches(total: int, size: int = 100) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]


def _interval(values: Floats) -> tuple[float, float]:
    """Central 95 %, by order statistics, so that infinite costs may be among them."""
    ordered = np.sort(np.nan_to_num(values, nan=np.inf))
    return float(ordered[int(0.025 * (len(ordered) - 1))]), float(ordered[int(np.ceil(0.975 * (len(ordered) - 1)))])
