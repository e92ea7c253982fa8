"""What a predictor costs where it has nothing to say: replay by price with it and without; part of the page of
``benchmarks.predictor_cards``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

import numpy as np

from benchmarks.predictor_card import Cell
from tts_agent.difficulty.arrays import Floats
from tts_agent.evaluation.banks import Bank, BankError
from tts_agent.evaluation.beliefs import Encode, no_vectors
from tts_agent.evaluation.bootstrap import Bootstrap, interval
from tts_agent.evaluation.contenders import Contender
from tts_agent.evaluation.curves import TARGETS, cost_at, targets
from tts_agent.evaluation.folds import DEFAULT_FOLDS, folds
from tts_agent.evaluation.lab import check_votes
from tts_agent.evaluation.priced import Priced
from tts_agent.evaluation.stream import thinned
from tts_agent.evaluation.sweeps import CrossFit, cross_fit, training_sets
from tts_agent.evaluation.trajectories import Trajectories, trajectories
from tts_agent.evaluation.views import NOTHING

ORDERINGS = 6
SAMPLES = 12
TARGET = 2
"""Which of `curves.TARGETS` the table is about."""
REPLICATES = 400
BOUND = 1.02
"""Cost over that of no predictor that the project allows where text says nothing."""
NONE = "no predictor"
HEAD = f"""\
Stopping by price, replayed: tokens a question at the accuracy of {{target}} of what full voting gains, knob tuned
on other folds, over those of the same rule without a predictor. At most {{most}} questions of a bank, {SAMPLES}
samples, {ORDERINGS} orderings. Brackets are 95 % intervals over questions, paired. *Always*: the estimator's belief
is used whatever it is worth; *where it helps*: training questions choose whether to look. Not measured: banks that
recorded votes of right samples only, where voting gains nothing, or where one of the two does not reach the target
on held-out questions.
"""


def contenders(encode: Encode) -> dict[str, Contender]:
    """Price tables that look at nothing, at text whatever it is worth, and at what training questions say helps."""
    return {
        NONE: Priced(views=(NOTHING,)),
        "text, always": Priced(views=((("text", 4),),), encode=encode),
        "text, where it helps": Priced(views=(NOTHING, (("text", 4),)), encode=encode),
        "text and first sample, where they help": Priced(encode=encode),
    }


@dataclass(frozen=True)
class Replayed:
    """One bank."""

    name: str
    questions: int
    gain: float
    """Accuracy of full voting less that of one sample."""
    costs: Mapping[str, Cell]
    """By contender, over no predictor; nan where one of the two does not reach the target."""
    refused: str = ""
    """Why it could not be replayed."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Replayed:
        """From `asdict`."""
        costs = {name: Cell(**cell) for name, cell in values["costs"].items()}
        return cls(values["name"], values["questions"], values["gain"], costs, values["refused"])


def measure_replay(bank: Bank, encode: Encode, most: int, seed: int) -> dict[str, Any]:
    """Cost at matched accuracy over that of no predictor: a `Replayed` as JSON values."""
    bank = thinned(bank, most, seed=seed)
    try:
        check_votes(bank)
    except BankError as error:
        return asdict(Replayed(bank.name, len(bank.questions), np.nan, {}, str(error)))
    replays = trajectories(bank, number=ORDERINGS, seed=seed, max_samples=SAMPLES)
    single, full = (replays.leader_correct[:, :, at].mean(axis=1) for at in (1, -1))
    costs = _costs(replays, encode, single, full, seed) if full.mean() > single.mean() else {}
    return asdict(Replayed(bank.name, len(bank.questions), float((full - single).mean()), costs))


def _costs(replays: Trajectories, encode: Encode, single: Floats, full: Floats, seed: int) -> dict[str, Cell]:
    fold = folds(replays.texts, min(DEFAULT_FOLDS, len(set(replays.texts))), seed=seed)
    training = training_sets(replays, fold)
    fits = {name: cross_fit(name, how, replays, fold, training) for name, how in contenders(encode).items()}
    boot = Bootstrap.of(len(replays.ids), replicates=REPLICATES, seed=seed)
    goals = targets(boot.means(single), boot.means(full))[:, TARGET]
    goal = targets(single.mean(), full.mean())[TARGET]
    costs = {
        name: cost_at(fit.tuned.accuracy.mean(axis=1), fit.tuned.total_tokens.mean(axis=1), goal)
        for name, fit in fits.items()
    }
    draws = {name: _replicates(fit, boot, goals) for name, fit in fits.items()}
    return {
        name: Cell(float(_over(costs[name], costs[NONE])), *map(float, interval(_over(draws[name], draws[NONE]))))
        for name in fits
        if name != NONE
    }


def _replicates(fit: CrossFit, boot: Bootstrap, goals: Floats) -> Floats:
    return cost_at(boot.means(fit.tuned.accuracy), boot.means(fit.tuned.total_tokens), goals)


def _over(cost: Floats, reference: Floats) -> Floats:
    known = np.isfinite(cost) & np.isfinite(reference)
    return np.where(known, np.where(known, cost, 1.0) / np.where(known, reference, 1.0), np.nan)


def replay_page(groups: Mapping[str, Sequence[Replayed]], most: int) -> list[str]:
    """Counts for each group of banks, and a row a bank for groups that are listed."""
    names = list(contenders(no_vectors))[1:]
    columns = (
        "banks",
        "predictor",
        "measured",
        f"within {BOUND - 1:.0%}",
        "median",
        "geometric mean",
        "most",
        "shown to cost more",
    )
    lines = ["## What it costs where it says nothing", "", HEAD.format(target=TARGETS[TARGET], most=most)]
    lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for group, banks in groups.items():
        for name in names:
            cells = [each.costs[name] for each in banks if name in each.costs and not isnan(each.costs[name].value)]
            if not cells:
                lines.append(f"| {group} | {name} | 0 of {len(banks)} | - | - | - | - | - |")
                continue
            values = np.array([cell.value for cell in cells])
            within, more = int((values <= BOUND).sum()), sum(cell.low > BOUND for cell in cells)
            lines.append(
                f"| {group} | {name} | {len(cells)} of {len(banks)} | {within} | {np.median(values):.3f} "
                f"| {np.exp(np.log(values).mean()):.3f} | {values.max():.3f} | {more} |"
            )
    return [*lines, "", *_said(groups, names), ""]


def _said(groups: Mapping[str, Sequence[Replayed]], names: Sequence[str]) -> list[str]:
    """A sentence for each way to use a predictor."""
    lines = []
    for name in names:
        known = [
            (each.name, cell)
            for banks in groups.values()
            for each in banks
            if (cell := each.costs.get(name)) is not None and not isnan(cell.value)
        ]
        beyond = [f"{bank} {cell}" for bank, cell in known if cell.value > BOUND]
        unseen = sum(cell.low == cell.high == 1.0 for _, cell in known)
        within = f"{len(known) - len(beyond)} of {len(known)} banks (on {unseen} it was never looked at)"
        rest = f"; not on {'; '.join(beyond)}" if beyond else ""
        lines.append(f"- {name}: within {BOUND - 1:.0%} of no predictor, or cheaper, on {within}{rest}.")
    return lines


def replay_rows(banks: Sequence[Replayed]) -> list[str]:
    """A line for every bank."""
    names = list(contenders(no_vectors))[1:]
    lines = [
        "## Cost with a predictor over cost without",
        "",
        "| bank | questions | voting gains | " + " | ".join(names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    for each in banks:
        costs = " | ".join(str(each.costs[name]) if name in each.costs else "-" for name in names)
        gain = "votes of right samples only" if each.refused else f"{each.gain:+.3f}"
        lines.append(f"| {each.name} | {each.questions} | {gain} | {costs} |")
    return [*lines, ""]
