"""What the lab found on one bank, as JSON for programs."""

from __future__ import annotations

from math import isfinite
from typing import Any

from tts_agent.evaluation.lab import BankResult, Matched, Point


def bank_to_dict(bank: BankResult) -> dict[str, Any]:
    """One bank, or the stream, as plain values."""
    return {
        "name": bank.name,
        "questions": bank.questions,
        "samples": bank.samples,
        "orderings": bank.orderings,
        "single": bank.single,
        "full_vote": bank.full,
        "policies": {
            name: {
                "points": [_point(point) for point in policy.points],
                "matched": [_matched(each) for each in policy.matched],
            }
            for name, policy in bank.policies.items()
        },
        "clairvoyant": {"points": [_point(point) for point in bank.clairvoyant]},
        "ece": {belief: {str(row.n): _finite(row.ece) for row in rows} for belief, rows in bank.ece.items()},
        "headroom": {
            "coverage": {str(k): value for k, value in bank.coverage.items()},
            "modal_limit": bank.modal_limit,
            "captured": {name: _finite(policy.headroom) for name, policy in bank.policies.items()},
        },
        "predictor": bank.predictor,
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "setting": point.label,
        "accuracy": point.accuracy,
        "ci": list(point.ci),
        "samples": point.samples,
        "total_tokens": point.total_tokens,
        "serial_tokens": point.serial_tokens,
    }


def _matched(matched: Matched) -> dict[str, Any]:
    return {
        "target": matched.target,
        "accuracy": matched.accuracy,
        "total_tokens": _finite(matched.total_tokens),
        "total_tokens_in_hindsight": _finite(matched.hindsight_tokens),
        "ratio": _finite(matched.ratio),
        "ci": [_finite(end) for end in matched.ci],
        "to_clairvoyant": _finite(matched.to_clairvoyant),
    }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
