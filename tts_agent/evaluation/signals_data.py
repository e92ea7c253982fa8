"""From a bank to what the difficulty estimator is trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from tts_agent.difficulty.arrays import Ints
from tts_agent.difficulty.base import SampleSignals, StepText
from tts_agent.difficulty.labels import Label
from tts_agent.difficulty.questions import Questions
from tts_agent.evaluation.banks import Bank, RecordedQuestion, RecordedSample
from tts_agent.exceptions import ConfigurationError


def signals_of(sample: RecordedSample) -> SampleSignals | None:
    """What a recorded sample showed besides its answer; None when nobody wrote its tokens down.

    Never whether it could vote: some recordings kept right answers only, and there that would tell the outcome.
    """
    if sample.tokens is None:
        return None
    logprob = sample.logprob if sample.logprob is not None and isfinite(sample.logprob) else None
    return SampleSignals(sample.tokens, "unknown", logprob)


def step_of(bank: Bank, question: RecordedQuestion) -> StepText:
    """The question as stage one sees it: a bank `class__model__setting` names the class and the model.

    A question without a text is shown by its id.
    """
    kind, _, model = bank.name.partition("__")
    return StepText(question.question or question.id, kind, model)


def bank_labels(bank: Bank) -> list[Label]:
    """One row for each sample with signals, with the pass count of the question's *other* samples.

    A question without any such sample gives one row without signals. Questions need two samples or more.
    """
    labels: list[Label] = []
    for question in bank.questions:
        step, samples = step_of(bank, question), question.samples
        if len(samples) < 2:
            raise ConfigurationError(f"bank {bank.name}: question {question.id} has 1 sample, and 2 are needed")
        passed = sum(sample.correct for sample in samples)
        fixed = (step.text, step.kind, step.model, question.id)
        rows = [
            Label(*fixed, passed - sample.correct, len(samples) - 1, signals, sample.correct)
            for sample in samples
            if (signals := signals_of(sample)) is not None
        ]
        labels += rows or [Label(*fixed, passed, len(samples))]
    return labels


@dataclass(frozen=True, eq=False)
class BankData:
    """A bank as training data. Questions of equal text are one; n counts them once, b as often as they come."""

    data: Questions
    """n questions, m rows."""
    question: Ints
    """(b,) number in `data` of each of the bank's questions."""
    first: Ints
    """(n,) number in the bank of each of the data's questions, where it comes first."""
    row_question: Ints
    """(m,) number in the bank of each row's question."""
    row_sample: Ints
    """(m,) number of each row's sample among its question's."""
    has_text: bool
    """False when some question has none: then the estimator sees vectors only."""

    @classmethod
    def of(cls, bank: Bank) -> BankData:
        """Collect the rows of a bank."""
        data = Questions.of(bank_labels(bank))
        place = {step: index for index, step in enumerate(data.steps)}
        question = np.array([place[step_of(bank, each)] for each in bank.questions], dtype=np.int64)
        rows = [
            (number, index)
            for number, each in enumerate(bank.questions)
            for index, sample in enumerate(each.samples)
            if signals_of(sample) is not None
        ]
        row_question, row_sample = np.array(rows, dtype=np.int64).reshape(-1, 2).T
        has_text = all(each.question for each in bank.questions)
        if not has_text:  # an id says nothing about difficulty, and its letters and digits must not seem to
            data = replace(data, steps=tuple(replace(step, text="") for step in data.steps))
        first = np.unique(question, return_index=True)[1].astype(np.int64)
        return cls(data, question, first, row_question, row_sample, has_text)


def bank_folds(bank: Bank, folds: int = 5, seed: int = 0) -> Ints:
    """(b,) fold numbers of a bank's questions: equal texts together, and every fold of about the same pass rate.

    Equal pass rates matter on few questions: otherwise a fold that is easy by chance leaves hard ones to train
    on, and means that were fitted without a fold rank it upside down.
    """
    whole = BankData.of(bank)
    groups, index = np.unique(whole.data.group, return_inverse=True)
    if len(groups) < 2 * folds:
        raise ConfigurationError(
            f"bank {bank.name} has {len(groups)} different questions: {2 * folds} are needed for {folds} folds"
        )
    rng = np.random.default_rng(seed)
    share = np.bincount(index, whole.data.counts.share) / np.bincount(index)
    order = np.lexsort((rng.random(len(groups)), share))
    fold = np.zeros(len(groups), dtype=np.int64)
    for start in range(0, len(order), folds):
        block = order[start : start + folds]
        fold[block] = rng.permutation(folds)[: len(block)]
    return np.asarray(fold[index][whole.question], dtype=np.int64)
