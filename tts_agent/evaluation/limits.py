"""What no stopping rule can beat: coverage, the modal limit, and a stop that knows when the leader is right."""

from __future__ import annotations

from collections import Counter
from math import comb

import numpy as np

from tts_agent.evaluation.banks import Bank, RecordedQuestion
from tts_agent.evaluation.play import Play
from tts_agent.evaluation.trajectories import Trajectories


def coverage(bank: Bank, k: int) -> float:
    """pass@k: P(at least one of k samples is right), unbiased (Chen et al., arXiv 2107.03374); k is cut to what
    a question has."""
    return float(np.mean([1.0 - _none(len(q.samples), _right(q), min(k, len(q.samples))) for q in bank.questions]))


def reliability(bank: Bank, k: int) -> float:
    """pass^k: P(all of k samples are right), unbiased (Yao et al., arXiv 2406.12045)."""
    return float(np.mean([_none(n, n - _right(q), min(k, n)) for q in bank.questions for n in (len(q.samples),)]))


def modal_limit(bank: Bank) -> float:
    """Accuracy of a vote over ever more samples, estimated by a vote over all that were recorded; ties are split."""
    return float(np.mean([_mode_right(question) for question in bank.questions]))


def clairvoyant(replays: Trajectories, price: float) -> Play:
    """The stop of someone who sees the future of the vote, at a price per token in units of one right answer.

    It draws at least one sample, and then as many as maximise (leader right) - price * total tokens; among equals the
    fewest. So it stops at the first sample where the leader will never be right or where being right comes too
    dear, and else at the earliest and cheapest point where the leader is right. At price 0 it still prefers fewer. No
    rule that returns the leader can be cheaper at its accuracy.
    """
    value = replays.leader_correct[:, :, 1:] - price * replays.cost[:, :, 1:]
    drawn = np.minimum(1 + np.argmax(value, axis=2), replays.lengths[:, None])
    q, r = np.arange(drawn.shape[0])[:, None], np.arange(drawn.shape[1])[None, :]
    longest = np.maximum.accumulate(replays.tokens, axis=2)
    return Play(replays.leader_correct[q, r, drawn], drawn, replays.cost[q, r, drawn], longest[q, r, drawn - 1])


def _right(question: RecordedQuestion) -> int:
    return sum(sample.correct for sample in question.samples)


def _none(n: int, marked: int, k: int) -> float:
    """P(none of k drawn of n, without replacement, is one of the marked)."""
    return comb(n - marked, k) / comb(n, k)


def _mode_right(question: RecordedQuestion) -> float:
    votes = Counter(sample.answer for sample in question.samples if sample.answer is not None)
    if not votes:
        return 0.0
    most = max(votes.values())
    leaders = [s.correct for s in question.samples if s.answer is not None and votes[s.answer] == most]
    return sum(leaders) / len(leaders)
