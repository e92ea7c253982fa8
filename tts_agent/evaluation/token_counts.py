"""Output tokens of every recorded sample, also where nobody wrote them down."""

from __future__ import annotations

from tts_agent.evaluation.banks import Bank


def token_counts(bank: Bank) -> dict[str, tuple[int, ...]]:
    """Output tokens per question id, in the order of its samples.

    A sample without a count gets the mean of its question's others, else that of the bank; where the bank has
    none at all, 0: costs then are those of prompts alone.
    """
    known = [sample.tokens for question in bank.questions for sample in question.samples if sample.tokens is not None]
    overall = round(sum(known) / len(known)) if known else 0
    counts = {}
    for question in bank.questions:
        own = [sample.tokens for sample in question.samples if sample.tokens is not None]
        missing = round(sum(own) / len(own)) if own else overall
        counts[question.id] = tuple(missing if sample.tokens is None else sample.tokens for sample in question.samples)
    return counts
