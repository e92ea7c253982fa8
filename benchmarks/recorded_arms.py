"""Efforts and models as arms, on recorded samples: ``python -m benchmarks.recorded_arms --splits 20``.

For each ladder: what it costs to be as accurate as its strongest arm less .01. Reads the banks below TTS_AGENT_BANKS,
and writes aggregates only, into ``benchmarks/results/recorded_arms.md``. ``--splits 2 --quick`` shows a few ladders.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a process per core is the better use

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.held_out import Choice, cheapest, if_clear, judge, strongest, to_mixing
from benchmarks.recorded_cascade import cascade_curve
from benchmarks.recorded_knees import knee_page
from tts_agent.evaluation.arm_efforts import EFFORTS, FAMILY_LADDERS, effort_ladder
from tts_agent.evaluation.arm_ladder import Ladder
from tts_agent.evaluation.arm_replay import ArmReplay
from tts_agent.evaluation.arms import contenders, effort_ladders, routellm_ladders, zeroeval_ladders
from tts_agent.evaluation.bootstrap import Bootstrap

MARGIN = 0.01
"""Accuracy that may be lost against the strongest arm."""
HALVINGS = 40
SHOWN = ("random mixing", "length router", "cascade", "ours", "ours, if clear", "split-half oracle")
COMPARED = ("length router", "cascade", "ours", "ours, if clear")
RESULTS = Path(__file__).parent / "results" / "recorded_arms.md"
LEGEND = """\
Cost a question at the accuracy of the strongest arm less .01, as a share of what asking the strongest arm every time
costs, and in brackets the accuracy that it came to, less that target. All of it is held out: what is learned is learned
on other questions (five folds) and, where an arm was sampled more than once, on other samples; which settings to use is
chosen on one random half of the questions and judged on the other.

- random mixing: any mixture of arms, drawn whatever the question
- length router: long questions go to a dearer arm (GPQA's text is not stored)
- cascade: `strategies.Cascade` through driver and ledger: two or three votes of a cheaper effort, then one call of a
  dearer one unless P(correct) is high enough. Panels have one sample a model, and some logs no wrong answers: a dash
- ours: `routing.ArmPolicy`, which `ArmCascade` follows: gain per token, by text, lengths and agreement so far
- ours, if clear: the same, used where it beat mixing by a standard error on the half it was chosen on, else mixing
- split-half oracle: no policy but a limit: the best arm by half of a question's own samples, judged on the other half

Everybody may toss a coin between settings and fixed arms, as mixing does. Costs are tokens, input and output; of a
family (models times efforts) millionths of a dollar at list prices; on panels tokens of the dearest arm, by price
(RouteLLM's dollars, list prices of ZeroEval's models).
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One ladder."""

    name: str
    questions: int
    strong: tuple[str, float, float]
    """The strongest arm over all questions, its accuracy and its cost."""
    shares: Mapping[str, tuple[float, float]]
    """Cost as a share of always asking the strongest arm, and accuracy less target."""
    ratios: Mapping[str, tuple[float, float, float]]
    """Cost over that of random mixing, and its 95 % interval."""


def row_of(splits: int, ladder: Ladder) -> Row:
    """Replays one ladder."""
    curves = ArmReplay(splits=splits)(ladder)
    cascade = cascade_curve(ladder, splits) if ladder.name in (*EFFORTS, *FAMILY_LADDERS) else None
    if cascade is not None:
        curves["cascade"] = cascade
    fixed, number = curves["fixed"], curves["fixed"].correct.shape[1]
    choices: dict[str, Choice] = {}
    for name, curve in contenders(curves).items():
        choices[name] = cheapest(curve, fixed, MARGIN)
        if name == "ours":
            choices["ours, if clear"] = if_clear(curve, fixed, MARGIN)
    reference = judge(strongest(fixed), number, HALVINGS)
    target, whole = reference.correct.mean() - MARGIN, reference.costs.mean()
    judged = {name: judge(choices[name], number, HALVINGS) for name in SHOWN if name in choices}
    bootstrap = Bootstrap.of(number)
    accuracy, costs = fixed.correct.mean(axis=1), fixed.costs.mean(axis=1)
    best = int(accuracy.argmax())
    return Row(
        ladder.name,
        number,
        (ladder.arms[best].name, float(accuracy[best]), float(costs[best])),
        {name: (float(j.costs.mean() / whole), float(j.correct.mean() - target)) for name, j in judged.items()},
        {
            name: to_mixing(judged[name], judged["random mixing"], fixed, bootstrap)
            for name in COMPARED
            if name in judged
        },
    )


def page(rows: Sequence[Row], ladders: Sequence[Ladder], command: str) -> str:
    """The results."""
    lines = ["# Efforts and models as arms, on recorded samples", "", f"`{command}`", "", LEGEND]
    lines += [f"| ladder | questions | strongest arm | {' | '.join(SHOWN)} |", "|---" * (3 + len(SHOWN)) + "|"]
    for row in rows:
        name, accuracy, cost = row.strong
        shown = [_share(row.shares.get(each)) for each in SHOWN]
        strong = f"{name}: {accuracy:.3f} at {cost:.0f}"
        lines.append(f"| {row.name} | {row.questions} | {strong} | {' | '.join(shown)} |")
    lines += [
        "",
        "## Against random mixing",
        "",
        "Cost over that of random mixing, both with settings chosen on other questions and corrected for the accuracy",
        "that they came to, with its 95 % interval (paired bootstrap over questions). Below 1, to know something about",
        "the question paid.",
        "",
        f"| ladder | {' | '.join(COMPARED)} |",
        "|---" * (1 + len(COMPARED)) + "|",
    ]
    for row in rows:
        lines.append(f"| {row.name} | {' | '.join(_ratio(row.ratios.get(each)) for each in COMPARED)} |")
    lines += ["", *(f"- {each}: {_count([r.ratios[each] for r in rows if each in r.ratios])}" for each in COMPARED), ""]
    return "\n".join([*lines, *knee_page(ladders)]) + "\n"


def _share(shown: tuple[float, float] | None) -> str:
    return "-" if shown is None else f"{shown[0]:.2f} ({shown[1]:+.3f})"


def _ratio(ratio: tuple[float, float, float] | None) -> str:
    return "-" if ratio is None else f"{ratio[0]:.2f} ({ratio[1]:.2f} to {ratio[2]:.2f})"


def _count(ratios: Sequence[tuple[float, float, float]]) -> str:
    shown = [tuple(round(number, 2) for number in ratio) for ratio in ratios]
    below, above = sum(high < 1.0 for *_, high in shown), sum(low > 1.0 for _, low, _ in shown)
    cheaper = sum(ratio < 1.0 for ratio, *_ in shown)
    whole = f"the whole interval is below 1 on {below}, above on {above}"
    return f"cheaper than mixing on {cheaper} of {len(ratios)} ladders; {whole}"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=20, help="random splits into folds and halves of samples")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="three ladders, which are printed and not written")
    parser.add_argument(
        "--family", action="store_true", help="also models times efforts in dollars, which takes longer"
    )
    asked = parser.parse_args()
    efforts = list(effort_ladders())
    ladders = efforts[:3] if asked.quick else [*efforts, *routellm_ladders(), *zeroeval_ladders()]
    if asked.family:
        ladders += map(effort_ladder, FAMILY_LADDERS)
    with ProcessPoolExecutor(asked.processes) as pool:
        rows = []
        for row in pool.map(partial(row_of, asked.splits), ladders):
            print(row.name, {name: _ratio(ratio) for name, ratio in row.ratios.items()}, flush=True)
            rows.append(row)
    text = page(
        rows, efforts, f"python -m benchmarks.recorded_arms --splits {asked.splits}{' --family' * asked.family}"
    )
    if asked.quick:
        print(text)
    else:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
