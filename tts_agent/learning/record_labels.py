"""From graded steps to label rows: which samples of each recorded question were right.

A record says which samples gave the same answer. A winner that is right makes those that agree with it right and the
others wrong. A winner that is wrong makes those that agree with it wrong; of the other answers one may be right, as
likely as P(correct) of `voting.posterior` says of it with the winner ruled out.

What is uncertain is drawn once, by its probability, and not counted by halves: half a sample is evidence that pass@1
is near one half, where an even chance of right or wrong is no evidence. A draw makes the likelihood noisier and not
biased. See docs/decisions/008-labels-from-outcomes.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tts_agent.difficulty import Label, SampleSignals, StepText, leave_one_out
from tts_agent.learning.record_file import DrawnSample, Record
from tts_agent.learning.record_grades import GradedStep
from tts_agent.population import VoteCounts
from tts_agent.probability import Beta
from tts_agent.stopping.beta_fit import fit_passes
from tts_agent.strategies import BestOfN, SelfConsistency, Single
from tts_agent.voting import Tally, posterior

_INDEPENDENT = frozenset({Single.name, SelfConsistency.name, BestOfN.name})
"""Strategies whose samples do not depend on each other. Of the others' only the first is a draw at pass@1."""
_THETA = 1.0
"""Concentration of wrong answers, as `ClassProfile` has it by default."""

Graded = list[tuple[DrawnSample, bool]]
"""The samples of a record or of a question, and whether each was right."""


@dataclass(frozen=True, slots=True)
class RecordLabels:
    """What records say, as training reads it."""

    labels: tuple[Label, ...]
    votes: Mapping[str, Sequence[VoteCounts]]
    """By class of steps, how the answers of each record fell."""


def graded_samples(steps: Sequence[GradedStep], seed: int = 0) -> list[Graded]:
    """The samples of each step that are draws at pass@1, and which of them were right; what is uncertain is drawn.

    Empty for a step whose record does not say what its outcome means for the samples.
    """
    priors = _priors(steps)
    return [_samples(step, priors[step.record.kind], Random(f"{seed} {number}")) for number, step in enumerate(steps)]


def record_labels(steps: Sequence[GradedStep], graded: Sequence[Graded], model: str) -> RecordLabels:
    """Label rows about a model; records of one question are counted together, and equal texts are one group."""
    questions: dict[StepText, Graded] = defaultdict(list)
    votes: dict[str, list[VoteCounts]] = defaultdict(list)
    for step, samples in zip(steps, graded, strict=True):
        if samples:
            questions[step_text(step.record, model)] += samples
            votes[step.record.kind].append(vote_counts(samples))
    return RecordLabels(tuple(row for text, own in questions.items() for row in _rows(text, own)), votes)


def step_text(record: Record, model: str) -> StepText:
    """What an estimator saw of a step of which the text was kept."""
    return StepText(record.text or "", record.kind, model, record.tools, record.turns)


def vote_counts(samples: Graded) -> VoteCounts:
    """How the answers of one record fell."""
    return VoteCounts.of((sample.vote, right) for sample, right in samples)


def _rows(text: StepText, graded: Graded) -> list[Label]:
    if len(graded) >= 2:
        return leave_one_out(text, text.text, [(_signals(sample), right) for sample, right in graded])
    return [Label(text.text, text.kind, text.model, text.text, graded[0][1], 1, tools=text.tools, turns=text.turns)]


def _signals(sample: DrawnSample) -> SampleSignals:
    return SampleSignals(sample.output_tokens, sample.finish_reason, sample.logprob, sample.valid)


def _counted(record: Record) -> tuple[DrawnSample, ...]:
    return record.samples if record.strategy in _INDEPENDENT else record.samples[:1]


def _priors(steps: Sequence[GradedStep]) -> dict[str, Beta]:
    """A belief about pass@1 for each class, to weigh answers that no outcome settles: fitted to the samples that agree
    with a winner that was likely right. Answers that were right though they lost are left out, so it is a little low.
    """
    passes: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for step in steps:
        votes = [sample.vote for sample in _counted(step.record)]
        won = sum(vote is not None and vote == step.record.winner for vote in votes)
        passes[step.record.kind].append((won if step.right >= 0.5 else 0, len(votes)))
    return {kind: fit_passes(counts) for kind, counts in passes.items()}


def _samples(step: GradedStep, prior: Beta, random: Random) -> Graded:
    """Empty where the record does not say what its outcome means for the samples."""
    record, drawn = step.record, _counted(step.record)
    won = random.random() < step.right
    if record.winner is None:  # answers that cannot be compared: only a sample that was alone is known
        return [(sample, won and sample.valid) for sample in drawn] if len(record.samples) == 1 else []
    answer: Hashable | None = record.winner if won else _right_of_the_others(record, drawn, prior, random)
    return [(sample, sample.vote is not None and sample.vote == answer) for sample in drawn]


def _right_of_the_others(record: Record, drawn: Sequence[DrawnSample], prior: Beta, random: Random) -> Hashable | None:
    """The vote that is right where the winner is wrong; None where no answer that was seen is."""
    believed = posterior(Tally(tuple(sample.vote for sample in drawn)), prior, _THETA)
    rest = {vote: p for vote, p in believed.correct.items() if vote != record.winner}
    if not sum(rest.values()):
        return None
    return random.choices([*rest, None], [*rest.values(), believed.unseen])[0]
