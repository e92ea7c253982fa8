"""The mixed stream: questions of many banks under one token budget, as the steps of an agent come.

The policy knows each step's class (its bank), as it would in production. On a stream only totals count, so a knob that
is right for every single bank need not be right for the stream: tokens go where they pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.orderings import DEFAULT_ORDERINGS, digest
from tts_agent.evaluation.replay_sampler import PROMPT_TOKENS
from tts_agent.evaluation.trajectories import Trajectories, trajectories

MOST_QUESTIONS = 300
"""Of one bank, so that none drowns the others."""

MOST_SAMPLES = 12

TEN_BANKS = (
    "gsm8k__gpt-4__mot12",
    "asdiv__gpt-4__mot12",
    "navigate__gpt-4__mot12",
    "date__gpt-4__mot12",
    "date__gpt-3.5-turbo__cot40",
    "date__gpt-3.5-turbo__mot80_t0.8",
    "aqua__code-davinci-002__pot30",
    "last_letters__gpt-3.5-turbo__cot_t0.7",
    "math500_100__r1-distill-llama-8b__t0.8",
    "humaneval__codegen-16b__t0.8",
)
"""The stream that the project's targets are about: ten banks, 2,617 questions."""


def thinned(bank: Bank, most: int = MOST_QUESTIONS, *, seed: int = 0) -> Bank:
    """At most `most` questions of a bank, chosen by seed and id alone."""
    chosen = sorted(bank.questions, key=lambda question: digest(seed, question.id))[:most]
    return replace(bank, questions=tuple(chosen))


def mixed_stream(
    banks: Sequence[Bank],
    *,
    number: int = DEFAULT_ORDERINGS,
    seed: int = 0,
    max_samples: int = MOST_SAMPLES,
    prompt_tokens: int = PROMPT_TOKENS,
) -> Trajectories:
    """The banks' questions, at most 300 each, with at most 12 samples.

    Totals do not depend on the order of the questions, so they stand bank after bank.
    """
    return trajectories(
        *(thinned(bank, seed=seed) for bank in banks),
        number=number,
        seed=seed,
        max_samples=max_samples,
        prompt_tokens=prompt_tokens,
    )
