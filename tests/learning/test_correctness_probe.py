"""A learned correctness probe: what it learns, what it may not see, and what it saves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.difficulty.synthetic import HashEncoder, planted
from tts_agent.difficulty import DifficultyEstimator
from tts_agent.difficulty.two_stage import FitSettings
from tts_agent.driver import Driver
from tts_agent.exceptions import ConfigurationError, EstimatorFileError
from tts_agent.learning.correctness_probe import CorrectnessProbe, Graded, _held_out_groups, _label
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.routing import MarginalValue
from tts_agent.sampling import Sample, Usage
from tts_agent.step import Step
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.conformance import check_verifier
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import Verdict

SETTINGS = FitSettings.small(folds=3)


def samples(questions: int, *, telling: bool, seed: int = 0) -> list[Graded]:
    """Half of the samples are right. Where they are `telling`, the model was surer of those, and said less."""
    rng, made = Random(seed), []
    for number in range(questions):
        step = Step((user(f"What is {number} + {number}?"),), kind=("sum", "total")[number % 2])
        for _ in range(4):
            right = rng.random() < 0.5
            lean = (1.0 if right else -1.0) if telling else 0.0
            tokens = round(40 - 8 * lean + rng.gauss(0, 4))
            text = f"{rng.randint(0, 99)} it is, as I see it, number {rng.randint(0, 999)}."
            logprob = min(-0.01, -0.5 + 0.2 * lean + rng.gauss(0, 0.1))
            made.append(Graded(step, Sample(text, usage=Usage(9, tokens), logprob=logprob), right))
    return made


def fitted(graded: Iterable[Graded], accept_at: float = 0.9) -> CorrectnessProbe:
    return CorrectnessProbe.fit(graded, accept_at=accept_at, encoder=HashEncoder(), settings=SETTINGS)


@pytest.fixture(scope="module")
def probe() -> CorrectnessProbe:
    return fitted(samples(120, telling=True))


def judged(probe: CorrectnessProbe, step: Step, *drawn: Sample) -> Sequence[Verdict]:
    return run_sync(Driver(ScriptedSampler([]), CheckedBudget()).run(probe.verify(step, drawn)))


def test_it_tells_right_from_wrong_on_questions_it_has_not_seen(probe: CorrectnessProbe) -> None:
    fresh = probe.measure(samples(60, telling=True, seed=1))
    assert set(fresh) == {"sum", "total"}
    for seen in fresh.values():
        assert seen.samples == 120
        assert seen.auroc is not None
        assert seen.auroc > 0.9
        assert seen.ece < 0.15
        assert seen.rates.true_accept.mean > 3 * seen.rates.false_accept.mean


def test_where_nothing_tells_it_says_the_pass_rate_and_accepts_nothing() -> None:
    clueless = fitted(samples(120, telling=False))
    for seen in clueless.measure(samples(60, telling=False, seed=1)).values():
        assert seen.auroc == pytest.approx(0.5, abs=0.15)
        assert seen.rates.right_accepted == seen.rates.wrong_accepted == 0
    (verdict,) = judged(clueless, Step((user("What is 1 + 1?"),), kind="sum"), Sample("2", usage=Usage(9, 40)))
    assert verdict.score == pytest.approx(0.5, abs=0.15)


def test_the_samples_it_is_measured_on_taught_it_nothing() -> None:
    graded = samples(60, telling=True)
    kept = _held_out_groups([_label(entry) for entry in graded], seed=0)
    lied = [replace(entry, right=entry.right != (entry.step.text in kept)) for entry in graded]
    honest, misled = fitted(graded), fitted(lied)
    step = Step((user("What is 7 + 8?"),), kind="sum")
    drawn = [Sample(f"{n}.", usage=Usage(9, 10 * n), logprob=-0.1 * n) for n in range(1, 6)]
    assert judged(honest, step, *drawn) == judged(misled, step, *drawn)
    assert honest.rates != misled.rates
    assert sum(seen.samples for seen in honest.held_out.values()) == 4 * len(kept)


def test_its_rates_are_those_of_its_own_verdicts(probe: CorrectnessProbe) -> None:
    for seen in probe.held_out.values():
        rates = seen.rates
        assert rates.right_accepted + rates.right_rejected == seen.right
        assert rates.wrong_accepted + rates.wrong_rejected == seen.samples - seen.right


def test_invalid_samples_are_rejected_and_count_as_such(probe: CorrectnessProbe) -> None:
    step = Step((user("What is 1 + 1?"),), kind="sum")
    cut = Sample("The ans", "length", usage=Usage(9, 30), logprob=-0.01)
    assert judged(probe, step, cut)[0].score == 0.0
    assert probe.measure([Graded(step, cut, False)])["sum"].rates.wrong_rejected == 1
    assert probe.measure([Graded(step, cut, False)])["sum"].auroc is None


def test_what_is_saved_judges_and_reports_as_before(probe: CorrectnessProbe, tmp_path: Path) -> None:
    probe.save(tmp_path / "probe")
    again = CorrectnessProbe.load(tmp_path / "probe", encoder=HashEncoder())
    assert (again.accept_at, again.held_out, again.rates) == (probe.accept_at, probe.held_out, probe.rates)
    entry = samples(1, telling=True, seed=5)[0]
    assert judged(again, entry.step, entry.sample) == judged(probe, entry.step, entry.sample)


def test_a_difficulty_estimator_is_no_probe(tmp_path: Path) -> None:
    DifficultyEstimator.fit(planted(60), encoder=HashEncoder(), settings=SETTINGS)[0].save(tmp_path / "estimator")
    with pytest.raises(EstimatorFileError, match="no correctness probe"):
        CorrectnessProbe.load(tmp_path / "estimator", encoder=HashEncoder())


def test_a_router_takes_it_with_its_rates(probe: CorrectnessProbe) -> None:
    policy = MarginalValue(verifiers=dict.fromkeys(probe.rates, probe), rates=probe.rates)
    model = ScriptedSampler(lambda request, index: Sample(f"{index}.", usage=Usage(9, 40), logprob=-0.5))
    result = AdaptiveReasoner(model, policy=policy, budget=5000).run(samples(1, telling=True)[0].step)
    assert result.outcome.sample is not None


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least"):
        fitted(samples(5, telling=True))


@pytest.mark.parametrize("accept_at", [0.0, 1.1])
def test_a_threshold_that_makes_no_sense_is_refused(accept_at: float) -> None:
    with pytest.raises(ConfigurationError, match="accept_at"):
        fitted(samples(5, telling=True), accept_at)


def test_it_keeps_the_contract(probe: CorrectnessProbe) -> None:
    check_verifier(lambda: probe)
