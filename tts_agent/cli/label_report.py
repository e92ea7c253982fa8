"""What `tts-agent label` says at its end, or instead of calls."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

from tts_agent.budget import Tariff
from tts_agent.learning.enough import Enough
from tts_agent.learning.estimate import estimate
from tts_agent.learning.item import Item
from tts_agent.learning.labelling import Labelled
from tts_agent.learning.store import LabelStore
from tts_agent.learning.store_file import Settings
from tts_agent.learning.stored_labels import pass_counts


def estimated(
    items: list[Item], out: Path, enough: Enough, settings: Settings, prices: Tariff | None
) -> dict[str, Any]:
    """What labelling would still cost, and what is assumed."""
    have, reply = [0] * len(items), None
    if out.exists():
        with LabelStore(out, settings, items) as store:
            reply = store.mean_output()
            have = [
                sum(passed is not None for passed in store.outcomes().get(n, {}).values()) for n in range(len(items))
            ]
    found = estimate(items, have, enough, max_tokens=settings.max_tokens, mean_reply=reply, tariff=prices)
    return {
        "questions": found.questions,
        "samples": [found.least.calls, found.most.calls],
        "tokens": [found.least.tokens, found.most.tokens],
        **({"dollars": [found.least.dollars, found.most.dollars]} if prices else {}),
        "assumed": (
            f"prompts of {found.prompt_tokens} tokens (a quarter of their bytes), replies of {found.reply_tokens} "
            f"({'measured' if found.measured else 'half of --max-tokens'}) at least and {settings.max_tokens} at most, "
            "prompts paid for every sample, calls of a judge not counted"
        ),
    }


def summary(done: Labelled, out: Path) -> dict[str, Any]:
    """How it ended."""
    progress, counts = done.progress, pass_counts(out).values()
    return {
        "stop": done.stop,
        "questions": progress.questions,
        "finished": progress.finished,
        "samples": progress.samples,
        "mean_pass_rate": fmean(passed / of for passed, of in counts) if counts else None,
        "tokens": progress.spent.tokens,
        "dollars": progress.spent.dollars,
        "seconds": round(progress.seconds, 1),
        "failed_calls": progress.failures,
        "given_up": done.given_up,
        "last_error": done.last_error,
        "out": str(out),
    }


def say(values: dict[str, Any], *, as_json: bool) -> None:
    """Print it, for people or for machines."""
    if as_json:
        print(json.dumps(values, ensure_ascii=False, indent=2))
        return
    for name, value in values.items():
        if value is not None:
            shown = " to ".join(f"{end:,}" for end in value) if isinstance(value, list) else value
            print(f"{name.replace('_', ' '):>14}  {shown}")
