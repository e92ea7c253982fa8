"""Playing stopping rules on trajectories: the same decisions as production makes, without running it.

The promise (a test keeps it): what `play` says about a rule equals what `AdaptiveReasoner` with `SelfConsistency` under
that rule does with a `ReplaySampler`: samples drawn, the answer, total and serial tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tts_agent.evaluation.trajectories import Bools, Ints, Trajectories
from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import StoppingRule
from tts_agent.voting import Tally

ONE_RULE = 0


@dataclass(frozen=True, eq=False)
class Play:
    """What one setting of a policy did, per question and ordering: all arrays are (Q, R)."""

    correct: Bools
    """Whether the answer it stopped with is right. No answer is wrong."""
    drawn: Ints
    """Samples drawn."""
    total_tokens: Ints
    """Input and output tokens of all samples."""
    serial_tokens: Ints
    """Output tokens one after the other, of each round of calls the longest sample."""


def play(replays: Trajectories, rules: StoppingRule | Sequence[StoppingRule], which: Ints | None = None) -> Play:
    """Let rules decide when to stop, each for its own replays.

    A rule is asked once a state if its class says `order_matters = False` (it looks at counts and number drawn
    only), and once a sequence of votes otherwise. If it also says `only_top_two = True` (of the counts it looks at
    leader and runner-up only, beside samples drawn and samples without a vote), once for each of those.

    Args:
        rules: one for all replays, or several.
        which: (Q, R) index into `rules` for each replay; needed with several. A policy that knows the class, or
            that looks at the first sample, is a choice of rules: give it by its index.
    """
    several = tuple(rules) if isinstance(rules, Sequence) else (rules,)
    questions, number, _ = replays.shape
    if which is None:
        if len(several) != 1:
            raise ConfigurationError(f"{len(several)} rules need to be told which replays are theirs")
        which = np.full((questions, number), ONE_RULE, dtype=np.int64)
    drawn = np.zeros((questions, number), dtype=np.int64)
    serial = np.zeros((questions, number), dtype=np.int64)
    for index in np.unique(which).tolist():
        mine = np.nonzero(which == index)
        drawn[mine], serial[mine] = _stops(replays, several[index], *mine)
    q, r = np.arange(questions)[:, None], np.arange(number)[None, :]
    return Play(replays.leader_correct[q, r, drawn], drawn, replays.cost[q, r, drawn], serial)


def stops(replays: Trajectories, rule: StoppingRule) -> Ints:
    """(Q, R) samples drawn under one rule."""
    return play(replays, rule).drawn


def _stops(replays: Trajectories, rule: StoppingRule, q: Ints, r: Ints) -> tuple[Ints, Ints]:
    """Samples drawn and serial tokens of the replays (q, r): round after round, for all that still go on."""
    ask = _asker(replays, rule)
    lengths = replays.lengths[q]
    drawn, serial = np.zeros(len(q), dtype=np.int64), np.zeros(len(q), dtype=np.int64)
    active = np.arange(len(q))
    while len(active):
        needed = ask(q[active], r[active], drawn[active])
        more = (needed > 0) & (drawn[active] < lengths[active])
        active, needed = active[more], needed[more]
        begin = drawn[active]
        end = np.minimum(begin + needed, lengths[active])
        serial[active] += _longest(replays.tokens, q[active], r[active], begin, end)
        drawn[active] = end
    return drawn, serial


def _longest(tokens: Ints, q: Ints, r: Ints, begin: Ints, end: Ints) -> Ints:
    """Tokens of the longest sample of a batch."""
    longest = np.zeros(len(q), dtype=np.int64)
    for n in range(int((end - begin).max(initial=0))):
        inside = begin + n < end
        at = begin[inside] + n
        longest[inside] = np.maximum(longest[inside], tokens[q[inside], r[inside], at])
    return longest


def _asker(replays: Trajectories, rule: StoppingRule) -> Callable[[Ints, Ints, Ints], Ints]:
    """A function of (q, r, n) that asks the rule, once for everything that looks the same to it."""
    answers: dict[int, int] = {}
    if getattr(rule, "order_matters", True):
        keys = replays.prefixes

        def tally(q: int, r: int, n: int) -> Tally:
            votes = replays.votes[q, r, :n].tolist()
            return Tally(tuple(None if vote < 0 else vote for vote in votes))
    else:
        keys = replays.states
        if getattr(rule, "only_top_two", False):
            base = replays.shape[2] + 1
            keys = replays.drawn[:, None, :] * base + replays.invalid
            keys = (keys * base + replays.top[..., 0]) * base + replays.top[..., 1]

        def tally(q: int, r: int, n: int) -> Tally:
            return replays.tally(int(replays.states[q, r, n]))

    def ask(q: Ints, r: Ints, n: Ints) -> Ints:
        distinct, first, inverse = np.unique(keys[q, r, n], return_index=True, return_inverse=True)
        for key, at in zip(distinct.tolist(), first.tolist(), strict=True):
            if key not in answers:
                answers[key] = rule.still_needed(tally(int(q[at]), int(r[at]), int(n[at])))
        return np.array([answers[key] for key in distinct.tolist()], dtype=np.int64)[inverse]

    return ask
