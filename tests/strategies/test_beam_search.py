"""Beam search over thoughts."""

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, STEP, play, rate, simulate
from tests.strategies.planted import LENGTH, SOUND, THOUGHTS, planted
from tts_agent.embedded import EmbeddedSampler
from tts_agent.embedded.defaults import embedded_step
from tts_agent.embedded.tasks import STEP_SEPARATOR, first_wrong_step, split_solution
from tts_agent.exceptions import ConfigurationError
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BeamSearch, BestOfN
from tts_agent.strategies.thoughts import Thoughts
from tts_agent.testing.conformance import check_strategy
from tts_agent.verifiers import FunctionVerifier, Verdict

TASTE = FunctionVerifier(lambda step, sample: sample.text.count("good") / 10.0, accept_at=2.0)


def pieces(*texts: str) -> SampleBatch:
    return SampleBatch(tuple(Sample(text) for text in texts))


def test_the_best_partial_replies_are_gone_on_with_and_the_others_are_not() -> None:
    replies = [
        pieces("good good", "good", "bad", "good"),
        pieces("answer: 1", "so"),
        pieces("answer: 2", "so"),
        pieces("answer: 3", "answer: 3", "answer: 4", "good answer: 5"),
    ]
    played = play(BeamSearch(TASTE, 2, 2, thoughts=THOUGHTS), replies)
    begun = [ask.request.messages[-1].content for ask in played.asked[1:]]
    assert begun == ["good good\n", "good\n", "good good\nso\n"]
    assert played.sizes == [4, 2, 2, 4], "the only open path has the whole level to itself"
    outcome = played.outcome
    assert (outcome.answer, outcome.stop, outcome.p_correct, outcome.accepted) == ("5", "settled", 0.3, False)
    assert outcome.votes == {"1": 1, "2": 1, "3": 1, "4": 1, "5": 1}


def test_it_beats_best_of_n_at_equal_thoughts_on_a_planted_tree_by_the_closed_form() -> None:
    s, m, trials = 0.6, 3, 1000
    beam, fresh = planted(s, 1), planted(s, 2)
    strategy = BeamSearch(SOUND, 1, m, max_levels=LENGTH, thoughts=THOUGHTS)
    plays = [simulate(strategy, beam) for _ in range(trials)]
    share, tolerance = rate([bool(played.outcome.accepted) for played in plays])
    assert share == pytest.approx((1.0 - (1.0 - s) ** m) ** LENGTH, abs=tolerance)
    assert all(sum(played.sizes) == m * LENGTH for played in plays)
    best = BestOfN(SOUND, FixedSize(m))
    parallel, tolerance = rate([bool(simulate(best, fresh).outcome.accepted) for _ in range(trials)])
    assert parallel == pytest.approx(1.0 - (1.0 - s**LENGTH) ** m, abs=tolerance)
    assert parallel + 2.0 * tolerance < share


def test_where_every_thought_is_wrong_more_are_drawn_at_the_same_level() -> None:
    replies = [pieces("ok", "no"), pieces("no", "no"), pieces("no", "ok answer: 1")]
    played = play(BeamSearch(SOUND, 1, 2, thoughts=THOUGHTS), replies)
    assert played.asked[1].request == played.asked[2].request
    assert (played.outcome.stop, played.outcome.answer) == ("accepted", "1")


def test_paths_with_the_same_text_count_once() -> None:
    played = play(BeamSearch(SOUND, 2, 2, 2, THOUGHTS), [pieces("ok", "ok", "ok", "no"), pieces(*["ok answer: 1"] * 4)])
    assert played.sizes == [4, 4], "the one path that is left has the whole beam to itself"


def test_a_sample_drawn_before_that_is_accepted_ends_the_search() -> None:
    drawn = (Sample("no answer: 2"), Sample("ok answer: 1"))
    played = play(BeamSearch(SOUND), step=STEP.with_drawn(drawn))
    assert (played.asked, played.outcome.stop, played.outcome.sample) == ([], "accepted", drawn[1])


def test_a_sample_drawn_before_wins_where_the_search_finds_nothing_better() -> None:
    drawn = (Sample("good good answer: 2"),)
    outcome = play(BeamSearch(TASTE, 1, 1), [pieces("answer: 1")], STEP.with_drawn(drawn)).outcome
    assert (outcome.sample, outcome.stop, len(outcome.samples)) == (drawn[0], "settled", 2)


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_what_was_written_stands_when_no_more_comes_and_does_not_vote(reply: SampleBatch, stop: str) -> None:
    outcome = play(BeamSearch(SOUND, 1, 2, thoughts=THOUGHTS), [pieces("ok", "no"), reply]).outcome
    assert (outcome.stop, outcome.answer, outcome.votes) == (stop, None, {})
    assert outcome.sample == Sample("ok\n", "length")
    assert play(BeamSearch(SOUND), [reply]).outcome == Outcome("beam_search", outcome.stop)


def test_it_ends_after_the_most_levels() -> None:
    outcome = play(BeamSearch(SOUND, 1, 1, 2, THOUGHTS), [pieces("no"), pieces("no")]).outcome
    assert outcome.stop == "rounds"
    assert outcome.sample == Sample("no\n", "length")


def test_a_real_model_is_led_through_a_chain_that_it_seldom_finishes_alone() -> None:
    def steps(step: Step, sample: Sample) -> Verdict:
        wrong_at = first_wrong_step(step.text, sample.text, partial=True)
        whole = split_solution(sample.text)[1] is not None
        return Verdict(float(wrong_at is None), accepted=wrong_at is None and whole, wrong_at=wrong_at)

    beam = BeamSearch(FunctionVerifier(steps), 1, 2, thoughts=Thoughts(STEP_SEPARATOR))
    question = "Start with 228. Times 4. Take away 183. Subtract 266. Plus 490. Minus 343. Add 96. What is the result?"
    outcome = AdaptiveReasoner(EmbeddedSampler(), policy=Fixed(beam)).run(embedded_step(question, seed=3)).outcome
    assert (outcome.stop, outcome.answer) == ("accepted", "706")


def test_bad_settings_are_refused() -> None:
    for settings in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ConfigurationError, match="at least 1"):
            BeamSearch(SOUND, *settings)


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: BeamSearch(TASTE, 1, 2, 2, Thoughts("|", lambda text: len(text) > 20)))
    check_strategy(lambda: BeamSearch(SOUND, 2, 1, 2, Thoughts("|", lambda text: False, 3)))
