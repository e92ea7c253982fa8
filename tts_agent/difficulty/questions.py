"""Label rows as arrays: one entry a question for stage one, one a row for stage two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tts_agent.difficulty.arrays import Floats, Ints
from tts_agent.difficulty.base import SampleSignals, StepText
from tts_agent.difficulty.labels import Label


@dataclass(frozen=True, eq=False)
class Counts:
    """k passes of N, n times, each with a weight."""

    passed: Floats
    of: Floats
    weight: Floats
    question: Ints
    """Which question an entry is about; entries of one question are not independent."""

    def __len__(self) -> int:
        return len(self.passed)

    def __getitem__(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Counts:
        return Counts(self.passed[index], self.of[index], self.weight[index], self.question[index])

    @property
    def share(self) -> Floats:
        """k / N."""
        return self.passed / self.of

    def by_question(self, values: Floats) -> Floats:
        """Weighted mean of per-entry values within each question that occurs, in order of question."""
        present, index = np.unique(self.question, return_inverse=True)
        total = np.bincount(index, self.weight, len(present))
        return np.asarray(np.bincount(index, self.weight * values, len(present)) / total, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Questions:
    """n questions (a text, class and model each) with their counts, and m rows about first samples."""

    steps: tuple[StepText, ...]
    group: Ints
    """(n,): questions of equal number must stay together."""
    counts: Counts
    """(n,), all weights 1."""
    signals: tuple[SampleSignals, ...]
    rows: Counts
    """(m,): the *other* samples of each row's question; the weights of a question's rows sum to 1."""

    @classmethod
    def of(cls, labels: Sequence[Label]) -> Questions:
        """Collect rows by question.

        All rows of a question are about the same samples: its count is that of the row with the most. Groups
        that share a text become one, so that the same text never stands on both sides of a split.
        """
        number: dict[StepText, int] = {}
        totals: list[tuple[int, int]] = []
        groups = _Merged()
        for label in labels:
            index = number.setdefault(label.step, len(number))
            if index == len(totals):
                totals.append(label.total)
            elif label.total[1] > totals[index][1]:
                totals[index] = label.total
            groups.join(("group", label.group), ("text", label.text))
        roots = {root: index for index, root in enumerate(dict.fromkeys(groups.root(("text", s.text)) for s in number))}
        passed, of = np.array(totals, dtype=np.float64).reshape(-1, 2).T
        rows = [label for label in labels if label.first is not None]
        question = np.array([number[label.step] for label in rows], dtype=np.int64)
        return cls(
            steps=tuple(number),
            group=np.array([roots[groups.root(("text", step.text))] for step in number], dtype=np.int64),
            counts=Counts(passed, of, np.ones(len(number)), np.arange(len(number))),
            signals=tuple(label.first for label in rows if label.first is not None),
            rows=Counts(
                np.array([label.passed for label in rows], dtype=np.float64),
                np.array([label.of for label in rows], dtype=np.float64),
                1.0 / np.bincount(question, minlength=len(number))[question] if rows else np.zeros(0),
                question,
            ),
        )

    def __len__(self) -> int:
        return len(self.steps)

    def subset(self, keep: npt.NDArray[np.bool_]) -> Questions:
        """The questions where `keep` (n,) is true, with their rows, numbered anew."""
        new = np.cumsum(keep) - 1
        kept = keep[self.rows.question]
        rows = self.rows[kept]
        return Questions(
            steps=tuple(step for step, stays in zip(self.steps, keep, strict=True) if stays),
            group=self.group[keep],
            counts=replace(self.counts[keep], question=np.arange(int(keep.sum()))),
            signals=tuple(first for first, stays in zip(self.signals, kept, strict=True) if stays),
            rows=replace(rows, question=new[rows.question].astype(np.int64)),
        )

    def shuffled(self, rng: np.random.Generator) -> Questions:
        """The same questions with the outcomes of others: what a predictor may not learn anything from."""
        order = rng.permutation(len(self))
        counts = replace(self.counts, passed=self.counts.passed[order], of=self.counts.of[order])
        question = self.rows.question
        rows = replace(self.rows, passed=counts.passed[question], of=counts.of[question])
        return replace(self, counts=counts, rows=rows)


class _Merged:
    """Union-find over group names and texts."""

    def __init__(self) -> None:
        self._parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(self, node: tuple[str, str]) -> tuple[str, str]:
        path = []
        while (parent := self._parent.setdefault(node, node)) != node:
            path.append(node)
            node = parent
        for passed in path:
            self._parent[passed] = node
        return node

    def join(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        self._parent[self.root(one)] = self.root(other)


def assign_folds(group: Ints, folds: int, seed: int) -> Ints:
    """(n,) fold numbers 0 .. folds-1: groups stay whole, folds get about equally many questions.

    No fold is empty when there are at least as many groups.
    """
    names, sizes = np.unique(group, return_counts=True)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    load = np.zeros(folds)
    fold_of = np.zeros(len(names), dtype=np.int64)
    for index in order:
        fold_of[index] = int(np.argmin(load))
        load[fold_of[index]] += sizes[index]
    # Or the first fold, which is often kept for a test, would always hold the largest group.
    return rng.permutation(folds)[fold_of][np.searchsorted(names, group)]
