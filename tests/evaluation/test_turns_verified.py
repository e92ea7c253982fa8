"""Replaying verified sampling."""

import itertools
from random import Random

import numpy as np
import pytest

from tts_agent.evaluation.banks import Bank, RecordedQuestion, RecordedSample, bank_folder, find_bank, load_bank
from tts_agent.evaluation.orderings import digest
from tts_agent.evaluation.production import answer_bank
from tts_agent.evaluation.turns_verified import replay_verified, tries_of
from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.stopping import UntilAccepted
from tts_agent.stopping.beta_fit import fit_passes
from tts_agent.strategies import BestOfN
from tts_agent.verifiers import FunctionVerifier


def bank(questions: int = 80, samples: int = 30, seed: int = 1) -> Bank:
    chance, made = Random(seed), []
    for number in range(questions):
        p = chance.betavariate(0.4, 1.5)
        drawn = tuple(
            RecordedSample(f"answer {chance.random()}", chance.random() < p, chance.randrange(20, 60), None, None)
            for _ in range(samples)
        )
        made.append(RecordedQuestion(f"q{number}", "?", None, drawn))
    return Bank("made up", tuple(made))


def accepts(step: Step, sample: Sample) -> bool:
    """The exact verifier of a replay: the recorded verdict."""
    assert isinstance(sample.raw, RecordedSample)
    return sample.raw.correct


@pytest.mark.parametrize("price", [1e-5, 2e-4, 1e-3])
def test_the_fast_replay_is_what_production_does(price: float) -> None:
    """Two folds trained on each other; each is then answered by reasoner, driver and ledger with its own rule."""
    recorded = bank(questions=12, samples=10)
    replay = replay_verified(recorded, prices=(price,), number=1, folds=2, resamples=10)
    fold = np.argsort(np.argsort([digest(0, question.id) for question in recorded.questions])) % 2
    tokens = found = 0
    for k in (0, 1):
        train = [question for question, f in zip(recorded.questions, fold, strict=True) if f != k]
        test = tuple(question for question, f in zip(recorded.questions, fold, strict=True) if f == k)
        belief = fit_passes((sum(sample.correct for sample in question.samples), 10) for question in train)
        per_try = sum(60 + (sample.tokens or 0) for each in train for sample in each.samples) / (10 * len(train))
        rule = UntilAccepted(belief, price * per_try, 10)
        if not tries_of(belief, price * per_try, 10):
            continue
        answered = answer_bank(Bank("test", test), Fixed(BestOfN(FunctionVerifier(accepts), rule)))
        tokens += sum(each.total_tokens for each in answered)
        found += sum(each.correct for each in answered)
    everything = sum(60 + (sample.tokens or 0) for question in recorded.questions for sample in question.samples)
    solvable = sum(any(sample.correct for sample in question.samples) for question in recorded.questions)
    assert replay.curve[0].tokens == pytest.approx(tokens / everything)
    assert replay.curve[0].found == pytest.approx(found / solvable)


def test_along_its_curve_more_tokens_find_more() -> None:
    curve = replay_verified(bank(), number=5, resamples=50).curve
    assert [point.price for point in curve] == sorted(point.price for point in curve)
    for cheap, dear in itertools.pairwise(curve):
        assert dear.tokens <= cheap.tokens + 1e-12
        assert dear.found <= cheap.found + 1e-12
        assert dear.tries <= cheap.tries


def test_it_lies_between_the_clairvoyant_and_drawing_everything() -> None:
    replay = replay_verified(bank(), number=5, resamples=200)
    assert replay.to_the_end.found == replay.clairvoyant.found == 1.0
    assert replay.clairvoyant.tokens < replay.to_the_end.tokens < 1.0
    assert replay.curve[0].tokens == pytest.approx(replay.to_the_end.tokens)
    assert replay.found_interval[0] <= replay.chosen.found <= replay.found_interval[1]
    assert replay.tokens_interval[0] <= replay.chosen.tokens <= replay.tokens_interval[1]
    assert replay.chosen.tokens <= replay.to_the_end.tokens


def test_tries_are_those_of_the_production_rule() -> None:
    assert tries_of(Beta(1.0, 1.0), 0.2, 16) == 3  # 1/2, 1/3, 1/4 pay, 1/5 does not
    assert tries_of(Beta(1.0, 1.0), 0.0, 16) == 16


def test_banks_that_cannot_be_replayed_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="3 questions cannot be split"):
        replay_verified(bank(questions=3))
    whole = bank(questions=8, samples=4)
    ragged = Bank("ragged", (*whole.questions, RecordedQuestion("short", None, None, whole.questions[0].samples[:2])))
    with pytest.raises(ConfigurationError, match="2 to 4 samples"):
        replay_verified(ragged)
    wrong = RecordedSample("no", False, 5, None, None)
    hopeless = Bank("hopeless", tuple(RecordedQuestion(f"q{n}", None, None, (wrong,) * 3) for n in range(8)))
    with pytest.raises(ConfigurationError, match="no question is ever solved"):
        replay_verified(hopeless)


def test_recorded_programs_are_found_at_a_third_of_the_tokens() -> None:
    if bank_folder() is None:
        pytest.skip("no recorded banks on this machine: set TTS_AGENT_BANKS")
    replay = replay_verified(load_bank(find_bank("humaneval__codegen-16b__t0.8")))
    assert replay.solvable == pytest.approx(0.738, abs=0.001)
    assert replay.passed
    assert replay.chosen.tokens < 0.35
