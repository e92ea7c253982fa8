"""Every prefix of every vote, counted once: what makes replays fast.

For each question and ordering the state after n samples is canonical: how many could not vote, and the counts of the
answers in descending order. States have ids, so that a stopping rule is asked once a state and not once a replay.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tts_agent.evaluation.banks import Bank, RecordedQuestion
from tts_agent.evaluation.orderings import DEFAULT_ORDERINGS, orderings
from tts_agent.evaluation.replay_sampler import PROMPT_TOKENS
from tts_agent.evaluation.token_counts import token_counts
from tts_agent.exceptions import ConfigurationError
from tts_agent.population import VoteCounts
from tts_agent.voting import Tally

COULD_NOT_VOTE = -1

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

State = tuple[int, tuple[int, ...]]
"""(samples that could not vote, votes of each answer in descending order)."""


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Q questions in R orderings of at most N samples.

    Arrays over prefixes have N + 1 entries, for 0..N samples drawn. Where a question has fewer than N samples the
    rest repeats its last entry: drawing on brings nothing and costs nothing.
    """

    classes: tuple[str, ...]
    """(Q) class of step of each question: the bank it comes from."""
    ids: tuple[str, ...]
    """(Q)"""
    texts: tuple[str, ...]
    """(Q) the text, or class and id where there is none: what folds are grouped by."""
    recorded: tuple[VoteCounts, ...]
    """(Q) all recorded samples of each question, counted: for fitting on training questions."""
    lengths: Ints
    """(Q) samples recorded, at most N."""
    votes: Ints
    """(Q, R, N) answers as integers in the order of their first appearance; -1: could not vote, or no sample."""
    correct: Bools
    """(Q, R, N) whether each sample is right; False where there is none."""
    tokens: Ints
    """(Q, R, N) output tokens; 0 where there is no sample."""
    logprobs: NDArray[np.float64]
    """(Q, R, N) mean log-probability per token; nan where it was not recorded."""
    prompt_tokens: int
    """Price of one sample's prompt."""
    leader_correct: Bools
    """(Q, R, N + 1) whether the leader is right (ties: the earliest); False while nobody could vote."""
    top: Ints
    """(Q, R, N + 1, 2) votes of leader and runner-up."""
    states: Ints
    """(Q, R, N + 1) id of the canonical state."""
    table: tuple[State, ...]
    """The canonical state of each id; shared by all subsets of one replay."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Q, R, N)"""
        questions, number, samples = self.votes.shape
        return questions, number, samples

    @cached_property
    def drawn(self) -> Ints:
        """(Q, N + 1) samples really drawn after asking for n."""
        return np.minimum(np.arange(self.shape[2] + 1)[None, :], self.lengths[:, None])

    @cached_property
    def invalid(self) -> Ints:
        """(Q, R, N + 1) samples that could not vote."""
        return np.array([invalid for invalid, _ in self.table], dtype=np.int64)[self.states]

    @cached_property
    def cost(self) -> Ints:
        """(Q, R, N + 1) total tokens, prompts included, of the first n samples."""
        output = np.zeros((*self.tokens.shape[:2], self.shape[2] + 1), dtype=np.int64)
        np.cumsum(self.tokens, axis=2, out=output[:, :, 1:])
        return np.asarray(output + self.prompt_tokens * self.drawn[:, None, :], dtype=np.int64)

    @cached_property
    def prefixes(self) -> Ints:
        """(Q, R, N + 1) a hash of the votes in order: equal for equal sequences (64 bits)."""
        hashes = np.zeros((*self.votes.shape[:2], self.shape[2] + 1), dtype=np.uint64)
        for n in range(self.shape[2]):
            further = hashes[:, :, n] * np.uint64(0x9E3779B97F4A7C15) + (self.votes[:, :, n] + 2).astype(np.uint64)
            hashes[:, :, n + 1] = np.where(n < self.lengths[:, None], further, hashes[:, :, n])
        return hashes.view(np.int64)

    def of_class(self, name: str) -> Bools:
        """(Q) which questions are of a class of step."""
        return np.array([each == name for each in self.classes], dtype=np.bool_)

    def tally(self, state: int) -> Tally:
        """A tally in this state, the votes in descending order of their counts."""
        invalid, counts = self.table[state]
        votes = [answer for answer, count in enumerate(counts) for _ in range(count)]
        return Tally((*votes, *[None] * invalid))

    def subset(self, questions: Ints | Bools) -> Trajectories:
        """Some of the questions, by index or mask; ids of states stay the same."""
        chosen = np.arange(self.shape[0])[questions]
        return replace(
            self,
            classes=tuple(self.classes[index] for index in chosen),
            ids=tuple(self.ids[index] for index in chosen),
            texts=tuple(self.texts[index] for index in chosen),
            recorded=tuple(self.recorded[index] for index in chosen),
            lengths=self.lengths[chosen],
            votes=self.votes[chosen],
            correct=self.correct[chosen],
            tokens=self.tokens[chosen],
            logprobs=self.logprobs[chosen],
            leader_correct=self.leader_correct[chosen],
            top=self.top[chosen],
            states=self.states[chosen],
        )


def trajectories(
    *banks: Bank,
    number: int = DEFAULT_ORDERINGS,
    seed: int = 0,
    max_samples: int = 40,
    prompt_tokens: int = PROMPT_TOKENS,
) -> Trajectories:
    """Replay banks in their common random orderings, one after the other.

    Args:
        banks: at least one; a question's class is its bank's name.
        number: orderings (R).
        seed: of the orderings.
        max_samples: N, or fewer if no question has that many.
        prompt_tokens: price of one sample's prompt.
    """
    rows = [(bank, question) for bank in banks for question in bank.questions]
    if not rows or max_samples < 1 or number < 1:
        raise ConfigurationError(f"nothing to replay: {len(rows)} questions, {max_samples} samples, {number} orderings")
    counts = {bank.name: token_counts(bank) for bank in banks}
    lengths = np.array([min(max_samples, len(question.samples)) for _, question in rows], dtype=np.int64)
    shape = (len(rows), number, int(lengths.max()))
    votes = np.full(shape, COULD_NOT_VOTE, dtype=np.int64)
    correct = np.zeros(shape, dtype=np.bool_)
    tokens = np.zeros(shape, dtype=np.int64)
    logprobs = np.full(shape, np.nan)
    for index, (bank, question) in enumerate(rows):
        order = orderings(seed, question.id, len(question.samples), number)[:, : lengths[index]]
        place = (index, slice(None), slice(0, lengths[index]))
        votes[place] = _answers(question)[order]
        correct[place] = np.array([sample.correct for sample in question.samples])[order]
        tokens[place] = np.array(counts[bank.name][question.id], dtype=np.int64)[order]
        known = [np.nan if sample.logprob is None else float(sample.logprob) for sample in question.samples]
        logprobs[place] = np.array(known)[order]
    votes = _by_appearance(votes.reshape(-1, shape[2])).reshape(shape)
    leader_correct, top, states, table = _count(votes, correct, lengths)
    return Trajectories(
        tuple(bank.name for bank, _ in rows),
        tuple(question.id for _, question in rows),
        tuple(question.question or f"{bank.name} {question.id}" for bank, question in rows),
        tuple(_recorded(question) for _, question in rows),
        lengths,
        votes,
        correct,
        tokens,
        logprobs,
        prompt_tokens,
        leader_correct,
        top,
        states,
        table,
    )


def _recorded(question: RecordedQuestion) -> VoteCounts:
    wrong = Counter(s.answer for s in question.samples if s.answer is not None and not s.correct)
    right = sum(s.correct and s.answer is not None for s in question.samples)
    return VoteCounts(right, tuple(wrong.values()), len(question.samples) - right - wrong.total())


def _answers(question: RecordedQuestion) -> Ints:
    """(k) the answer of each sample as an integer; -1 where it could not vote."""
    numbers: dict[str, int] = {}
    given = [sample.answer for sample in question.samples]
    return np.array(
        [COULD_NOT_VOTE if answer is None else numbers.setdefault(answer, len(numbers)) for answer in given],
        dtype=np.int64,
    )


def _by_appearance(votes: Ints) -> Ints:
    """(rows, n) the same votes, answers renumbered in each row in the order of their first appearance."""
    renumbered = np.full_like(votes, COULD_NOT_VOTE)
    names = np.full((votes.shape[0], int(votes.max(initial=0)) + 1), -1, dtype=np.int64)
    seen = np.zeros(votes.shape[0], dtype=np.int64)
    rows = np.arange(votes.shape[0])
    for n in range(votes.shape[1]):
        vote = np.maximum(votes[:, n], 0)
        new = (votes[:, n] >= 0) & (names[rows, vote] < 0)
        names[rows[new], vote[new]] = seen[new]
        seen += new
        renumbered[:, n] = np.where(votes[:, n] >= 0, names[rows, vote], COULD_NOT_VOTE)
    return renumbered


def _count(votes: Ints, correct: Bools, lengths: Ints) -> tuple[Bools, Ints, Ints, tuple[State, ...]]:
    """Leaders and states of every prefix, one sample at a time for all replays together."""
    questions, number, samples = votes.shape
    replays = questions * number
    flat, right = votes.reshape(replays, samples), correct.reshape(replays, samples)
    exists = np.repeat(lengths, number)
    rows = np.arange(replays)
    counts = np.zeros((replays, int(flat.max(initial=0)) + 1), dtype=np.int64)
    first_right = np.zeros(counts.shape, dtype=np.bool_)
    leader = np.zeros(replays, dtype=np.int64)
    leader_correct = np.zeros((replays, samples + 1), dtype=np.bool_)
    top = np.zeros((replays, samples + 1, 2), dtype=np.int64)
    hashes = np.zeros((replays, samples + 1), dtype=np.uint64)
    # The hash of a state is a sum over its answers, so that their order does not count: 64 random bits a count,
    # and for each sample that could not vote.
    of_count = np.random.default_rng(0).integers(0, 2**64, samples + 2, dtype=np.uint64)
    of_invalid, of_count[0] = of_count[-1], 0
    for n in range(samples):
        valid = flat[:, n] >= 0
        vote = np.maximum(flat[:, n], 0)
        before = counts[rows, vote]
        first_right[rows, vote] = np.where(valid & (before == 0), right[:, n], first_right[rows, vote])
        counts[rows, vote] += valid
        after = counts[rows, vote]
        best, second = top[:, n, 0], top[:, n, 1]
        runner_up = np.where(vote == leader, second, np.maximum(second, np.minimum(after, best)))
        overtakes = valid & ((after > best) | ((after == best) & (vote < leader)))
        top[:, n + 1, 0] = np.where(valid, np.maximum(best, after), best)
        top[:, n + 1, 1] = np.where(valid, runner_up, second)
        leader = np.where(overtakes, vote, leader)
        leader_correct[:, n + 1] = first_right[rows, leader] & (top[:, n + 1, 0] > 0)
        no_vote = np.where(n < exists, of_invalid, np.uint64(0))
        hashes[:, n + 1] = hashes[:, n] + np.where(valid, of_count[after] - of_count[before], no_vote)
    _, representatives, states = np.unique(hashes, return_index=True, return_inverse=True)
    table = []
    for place in representatives.tolist():
        row, n = divmod(place, samples + 1)
        table.append(_state(flat[row, : min(n, int(exists[row]))]))
    whole = (questions, number, samples + 1)
    numbered = states.reshape(whole).astype(np.int64)
    return leader_correct.reshape(whole), top.reshape(*whole, 2), numbered, tuple(table)


def _state(votes: Ints) -> State:
    counts = np.bincount(votes[votes >= 0])
    return int((votes < 0).sum()), tuple(sorted(counts.tolist(), reverse=True))
