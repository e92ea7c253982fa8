"""How long an endpoint that is busy asks us to wait, and how long we do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 60.0
"""Seconds. An endpoint that asks for more is treated as failed."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a reply asks to wait; None when it does not say, or says nonsense.

    Args:
        headers: of the reply, by names in small letters, or by names that ignore case.
    """
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1000
        else:
            seconds = float(headers.get("retry-after", "nan"))
    except ValueError:
        seconds = _until(headers.get("retry-after", ""))
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(date: str) -> float:
    """Seconds from now to an HTTP date; NaN when it is none."""
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
