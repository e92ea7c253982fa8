"""The page and the JSON of the whole suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from math import isfinite
from typing import Any

from tts_agent.evaluation.acceptance import NO_CHANGE, acceptance
from tts_agent.evaluation.arms import LadderResult
from tts_agent.evaluation.report import table
from tts_agent.evaluation.signals_table import SignalResult, median_auroc
from tts_agent.evaluation.suite import Suite
from tts_agent.evaluation.turns_report import TurnsReport
from tts_agent.evaluation.turns_verified import VerifiedReplay

CLEARLY = 0.99
"""Of mixing's cost: what a rival must be below to be a reproach."""

SHARES = (0.25, 0.50, 0.75)
"""Of the tokens of drawing everything, for the trade-off of verified sampling."""


def suite_to_dict(suite: Suite) -> dict[str, Any]:
    """Everything as JSON values: the votes as in the report of banks, and the other parts beside them."""
    votes = suite.votes.to_dict() if suite.votes else {"banks": [], "stream": None}
    signals = None
    if suite.signals is not None:
        runs = [run.to_json() for run in suite.signals]
        signals = {"median_auroc": median_auroc(suite.signals), "runs": runs}
    turns = suite.turns
    return votes | {
        "command": suite.command,
        "summary": [asdict(line) for line in acceptance(suite)],
        "published": [asdict(row) | {"holds": row.holds} for row in suite.published],
        "signals": plain(signals),
        "arms": plain(suite.arms),
        "turns": turns and plain(turns) | {"lines": [asdict(line) for line in turns.lines]},
        "left_out": dict(suite.left_out),
        "seconds": dict(suite.seconds) | {"longest": suite.longest, "wall": suite.wall, "processes": suite.processes},
    }


def plain(value: Any) -> Any:
    """JSON values of nested dataclasses, mappings and sequences; numbers that JSON lacks become null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    number = float(value)
    return number if isfinite(number) else None


def suite_page(suite: Suite, pictures: bool = True) -> str:
    """The results page, in markdown."""
    parts = [
        "# Results",
        f"Made by `{suite.command}` from recorded samples of real models. Nothing on this page is typed by hand.",
        "## Promised and measured",
        table(
            ["what", "target", "measured", ""],
            [[line.about, line.target, line.measured, line.verdict] for line in acceptance(suite)],
        ),
    ]
    if suite.left_out:
        rows = [[name, why] for name, why in suite.left_out.items()]
        parts += ["Left out:", table(["bank or part", "why"], rows)]
    if suite.votes is not None:
        parts += ["# Votes", *suite.votes.sections(pictures)]
    if suite.published:
        parts += ["## Published numbers", _published(suite)]
    if suite.signals is not None:
        parts += ["# First-sample signals", *_signals(suite.signals)]
    if suite.arms is not None:
        parts += ["# Effort and model arms", *_arms(suite.arms)]
    if suite.turns is not None:
        parts += ["# Turns", *_turns(suite.turns)]
    return "\n\n".join(parts) + "\n"


def _published(suite: Suite) -> str:
    rows = [
        [
            row.bank,
            row.what,
            f"{row.low:.4g} to {row.high:.4g}",
            f"{row.measured:.4g}",
            "yes" if row.holds else "**no**",
        ]
        for row in suite.published
    ]
    return table(["bank", "number", "published (rounding and noise included)", "measured", "same"], rows)


def _signals(rows: Sequence[SignalResult]) -> list[str]:
    shown = [
        [
            row.name,
            str(row.questions),
            "yes" if row.reasoning else "no",
            f"{row.pass_rate:.3f}",
            *(_number(each, 3) for each in (row.text, row.shorter, row.after, row.shuffled)),
            *(_number(each) for each in (row.token_effect, row.learned_effect)),
            *(_number(each, 3) for each in (row.nll_class, row.nll_text, row.nll_after)),
        ]
        for row in rows
    ]
    header = ["run", "questions", "reasons", "pass@1", "text", "shorter", "text and first sample", "shuffled"]
    header += ["token effect", "learned effect", "NLL class", "NLL text", "NLL first sample"]
    return [
        "Every run with exact token counts. AUROC, out of fold, of the next sample's correctness: from the text alone; "
        "from fewer tokens being better, with nothing learned (below .5 the sign is flipped); from both stages; and "
        "trained on the outcomes of other questions. Then rank correlations of the first sample's tokens with the pass "
        "rate of the others, and with what was learned; and negative log-likelihood, nats a question. "
        f"Median AUROC of both stages: {_number(median_auroc(rows), 3)} over reasoning models, "
        f"{_number(median_auroc(rows, reasoning=False), 3)} over all.",
        table(header, shown),
    ]


def _arms(rows: Sequence[LadderResult]) -> list[str]:
    names = list(dict.fromkeys(each.name for row in rows for each in row.standings))
    shown = []
    for row in rows:
        found = {each.name: each for each in row.standings}
        ours = found["ours"]
        interval = f"[{_number(ours.to_mixing_low)}, {_number(ours.to_mixing_high)}]"
        shown.append(
            [
                row.name,
                str(row.questions),
                row.best,
                *(_number(found[name].cost) if name in found else "-" for name in names),
                f"{_number(ours.to_mixing)} {interval}",
                _number(ours.held_out_to_mixing),
            ]
        )
    header = ["ladder", "questions", "best arm", *names, "ours to mixing", "the same, points chosen elsewhere"]
    reasons = [sentence for row in rows if (sentence := why_not(row))]
    return [
        "Cost at the accuracy of the best fixed arm less .005, as a share of that arm's cost; learned on one half of "
        "the samples of training questions and judged on the other half of held-out ones. Everybody may mix with fixed "
        'arms; "alone" is ours without. The split-half oracle is a limit and no policy.',
        table(header, shown),
        "Where ours is not below random mixing:" if reasons else "Ours is below random mixing on every ladder.",
        *(["\n".join(f"- {sentence}" for sentence in reasons)] if reasons else []),
    ]


def why_not(row: LadderResult) -> str:
    """Why ours is not below random mixing on a ladder, from its numbers; empty where it is."""
    found = {each.name: each for each in row.standings}
    ours, mixing = found["ours"], found["random mixing"]
    if ours.to_mixing <= NO_CHANGE and ours.held_out_to_mixing <= NO_CHANGE:
        return ""
    reasons = []
    cheapest = min(row.arms.values(), key=lambda arm: arm[1])
    if cheapest[0] >= row.target:
        reasons.append(
            f"the cheapest arm alone reaches the target ({cheapest[0]:.3f} to {row.target:.3f}), which leaves "
            "no question to send anywhere"
        )
    rivals = [each for name, each in found.items() if name.endswith(("router", "cascade"))]
    better = [each.name for each in rivals if each.held_out_to_mixing <= CLEARLY]
    if ours.to_mixing <= NO_CHANGE:
        reasons.append("its operating points do not carry over from the questions on which they look good")
    if better:
        reasons.append(f"below mixing there: {', '.join(better)}; so something was to be had that ours did not learn")
    elif rivals:
        least = min(each.held_out_to_mixing for each in rivals)
        reasons.append(f"no router or cascade is clearly below mixing there (the best of them {_number(least)})")
    oracle = found.get("split-half oracle")
    if oracle is not None and oracle.to_mixing > 0.9:
        reasons.append(f"even the split-half oracle needs {oracle.to_mixing:.2f} of mixing's cost")
    if ours.to_mixing_low < 1.0 < ours.to_mixing_high or row.questions < 100:
        reasons.append(
            f"{row.questions} questions do not tell (95 % interval {_number(ours.to_mixing_low)} to "
            f"{_number(ours.to_mixing_high)})"
        )
    said = "; ".join(reasons) or "nothing in these numbers says why"
    return (
        f"{row.name}: {_number(ours.to_mixing)} of mixing's cost (mixing: {_number(mixing.cost)} of the best arm's), "
        f"{_number(ours.held_out_to_mixing)} with points chosen on other questions: {said}."
    )


def _turns(report: TurnsReport) -> list[str]:
    rows = [[line.bank, line.claim, line.measured, "yes" if line.holds else "**no**"] for line in report.lines]
    parts = [
        "Verified sampling, refinement with feedback and a ladder of budgets without any; fitted on other tasks than "
        "those judged.",
        table(["bank", "claim", "measured", "holds"], rows),
        "Verified sampling, the trade-off: share found of what drawing everything finds, at most at this share of its "
        "tokens.",
        table(
            ["bank", *(f"{share:.0%}" for share in SHARES), "all tries, stopping at success"],
            [[each.name, *(_most_found(each, share) for share in SHARES), _end(each)] for each in report.verified],
        ),
    ]
    if report.left_out:
        parts.append(f"A single turn, so nothing to decide: {', '.join(report.left_out)}.")
    return parts


def _most_found(replay: VerifiedReplay, share: float) -> str:
    return _number(max((point.found for point in replay.curve if point.tokens <= share), default=None), 3)


def _end(replay: VerifiedReplay) -> str:
    return f"{replay.to_the_end.found:.3f} at {replay.to_the_end.tokens:.0%}"


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None or not isfinite(value) else f"{value + 0.0:.{digits}f}"
