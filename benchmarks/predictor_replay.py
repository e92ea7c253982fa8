"""What a predictor costs where it has nothing to say: replay by price with it and without; part of the page of
``benchmarks.predictor_cards``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_agent.difficulty.arrays import Floats
from tts_agent.difficulty.encoder import Encoder
from tts_agent.evaluation.banks import find_bank, load_bank
from tts_agent.evaluation.bootstrap import Bootstrap, interval
from tts_agent.evaluation.contenders import Contender
from tts_agent.evaluation.curves import TARGETS, cost_at, targets
from tts_agent.evaluation.folds import DEFAULT_FOLDS, folds
from tts_agent.evaluation.lab import check_votes
from tts_agent.evaluation.priced import Priced
from tts_agent.evaluation.stream import thinned
from tts_agent.evaluation.sweeps import CrossFit, cross_fit, training_sets
from tts_agent.evaluation.trajectories import trajectories
from tts_agent.evaluation.views import NOTHING

BANKS = (
    "aime__gpt-5.1__reffort-medium",
    "tau_bench_airline__gpt-4o__trials4",
    "math500_100__r1-distill-llama-8b__t0.8",
)
"""Banks with texts whose samples can vote."""
MOST = 200
ORDERINGS = 6
SAMPLES = 12
TARGET = 2
"""Which of `curves.TARGETS` the table is about."""
NONE = "no predictor"


def contenders(encoder: Encoder) -> dict[str, Contender]:
    """Price tables that look at nothing, at text whatever it is worth, and at what training questions say helps."""
    return {
        NONE: Priced(views=(NOTHING,)),
        "text, always": Priced(views=((("text", 4),),), encode=encoder.encode),
        "text, where it helps": Priced(views=(NOTHING, (("text", 4),)), encode=encoder.encode),
        "text and first sample, where they help": Priced(encode=encoder.encode),
    }


def replay_page(encoder: Encoder, *, quick: bool, seed: int) -> list[str]:
    """Cost at matched accuracy over that of no predictor."""
    names = list(contenders(encoder))
    lines = [
        "## What it costs where it says nothing",
        "",
        "Stopping by price, replayed: tokens a question at the accuracy of "
        f"{TARGETS[TARGET]} of what full voting gains, knob tuned on other folds, over those of the same rule",
        f"without a predictor. At most {MOST} questions of a bank, {SAMPLES} samples, {ORDERINGS} orderings. Brackets",
        "are 95 % intervals over questions, paired. A dash: one of the two does not get there.",
        "",
        "| bank | " + " | ".join(names[1:]) + " |",
        "|---|" + "---|" * (len(names) - 1),
    ]
    ratios: list[Sequence[float]] = []
    for name in BANKS[:1] if quick else BANKS:
        found = cost_ratios(name, encoder, seed)
        ratios.append([ratio for ratio, _, _ in found])
        lines.append(f"| {name} | " + " | ".join(_cell(*each) for each in found) + " |")
    known = np.array(ratios)
    means = ["-" if np.isnan(row).all() else f"{np.exp(np.nanmean(np.log(row))):.3f}" for row in known.T]
    return [*lines, f"| geometric mean | {' | '.join(means)} |", ""]


def cost_ratios(name: str, encoder: Encoder, seed: int) -> list[tuple[float, float, float]]:
    """Of each contender over the first, with its interval; nan where there is none."""
    bank = thinned(load_bank(find_bank(name)), MOST, seed=seed)
    check_votes(bank)
    replays = trajectories(bank, number=ORDERINGS, seed=seed, max_samples=SAMPLES)
    fold = folds(replays.texts, min(DEFAULT_FOLDS, len(set(replays.texts))), seed=seed)
    training = training_sets(replays, fold)
    fits = [cross_fit(each, how, replays, fold, training) for each, how in contenders(encoder).items()]
    boot = Bootstrap.of(len(bank.questions), seed=seed)
    single = replays.leader_correct[:, :, 1].mean(axis=1)
    full = replays.leader_correct[:, :, -1].mean(axis=1)
    goals = targets(boot.means(single), boot.means(full))[:, TARGET]
    goal = float(targets(single.mean(), full.mean())[TARGET])
    costs = [float(cost_at(fit.tuned.accuracy.mean(axis=1), fit.tuned.total_tokens.mean(axis=1), goal)) for fit in fits]
    draws = [_replicates(fit, boot, goals) for fit in fits]
    found = []
    for cost, draw in zip(costs[1:], draws[1:], strict=True):
        low, high = interval(_over(draw, draws[0]))
        found.append((float(_over(np.array(cost), np.array(costs[0]))), float(low), float(high)))
    return found


def _replicates(fit: CrossFit, boot: Bootstrap, goals: Floats) -> Floats:
    return cost_at(boot.means(fit.tuned.accuracy), boot.means(fit.tuned.total_tokens), goals)


def _over(cost: Floats, reference: Floats) -> Floats:
    known = np.isfinite(cost) & np.isfinite(reference)
    return np.where(known, np.where(known, cost, 1.0) / np.where(known, reference, 1.0), np.nan)


def _cell(ratio: float, low: float, high: float) -> str:
    return "-" if np.isnan(ratio) else f"{ratio:.3f} ({low:.3f} to {high:.3f})"
