"""A critique in one call, the revision in the next."""

import random

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, batch, play, rate, says, simulate
from tts_agent.effects import Generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import assistant, user
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome
from tts_agent.strategies import CritiqueAndRevise
from tts_agent.strategies.critique_and_revise import CRITICIZE, finds_none
from tts_agent.testing.conformance import check_strategy


def text(said: str) -> SampleBatch:
    return SampleBatch((Sample(said),))


def test_the_critique_is_a_call_of_its_own_and_stands_before_the_revision() -> None:
    played = play(CritiqueAndRevise(revise="Mind: {critique}"), [batch(5), text("Carry the {one}."), batch(4)])
    attempt = assistant("The answer is 5.")
    assert [ask.request.messages[1:] for ask in played.asked] == [
        (),
        (attempt, user(CRITICIZE)),
        (attempt, user("Mind: Carry the {one}.")),
    ]
    outcome = played.outcome
    assert (outcome.stop, outcome.answer, outcome.samples) == ("rounds", "4", (says(5), says(4)))


def test_a_critique_that_finds_nothing_ends_it() -> None:
    outcome = play(CritiqueAndRevise(3), [batch(5), text("Wrong."), batch(4), text("All fine.\nNo mistakes.")]).outcome
    assert (outcome.stop, outcome.answer) == ("settled", "4")


@pytest.mark.parametrize(
    ("critique", "expected"),
    [
        ("No mistakes.", True),
        ("Step 1 holds.\n\n**No mistakes**\n", True),
        ("It says that there are no mistakes, but step 2 is wrong.", False),
        ("No mistakes in step 1.\nStep 2 is wrong.", False),
        ("", False),
    ],
)
def test_the_last_line_says_whether_there_are_mistakes(critique: str, expected: bool) -> None:
    assert finds_none(critique) is expected


def test_accuracy_follows_from_the_rates_of_critic_and_reviser() -> None:
    """Right with p; the critic finds fault with a share `found` of wrong and `blamed` of right answers."""
    p, found, blamed, fix, broken, rng = 0.5, 0.7, 0.2, 0.6, 0.5, random.Random(5)

    def model(ask: Generate) -> SampleBatch:
        said = [message.content for message in ask.request.messages]
        if len(said) == 1:
            return text("4" if rng.random() < p else "5")
        right = said[1] == "4"
        if said[2] == CRITICIZE:
            return text("No." if rng.random() < (blamed if right else found) else "No mistakes.")
        return text("4" if rng.random() < (1.0 - broken if right else fix) else "5")

    share, tolerance = rate([simulate(CritiqueAndRevise(), model, PLAIN).outcome.answer == "4" for _ in range(1500)])
    assert share == pytest.approx(p * (1.0 - blamed * broken) + (1.0 - p) * found * fix, abs=tolerance)


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_the_attempt_stands_when_no_more_comes(reply: SampleBatch, stop: str) -> None:
    for replies in ([batch(5), reply], [batch(5), text("Wrong."), reply]):
        outcome = play(CritiqueAndRevise(), replies).outcome
        assert (outcome.stop, outcome.answer, outcome.samples) == (stop, "5", (says(5),))
    assert play(CritiqueAndRevise(), [reply]).outcome == Outcome("critique_and_revise", outcome.stop)


def test_a_revision_without_an_answer_is_dropped() -> None:
    cut = Sample("So", "length")
    outcome = play(CritiqueAndRevise(), [batch(5), text("Wrong."), SampleBatch((cut,))]).outcome
    assert (outcome.answer, outcome.samples) == ("5", (says(5), cut))


def test_an_empty_attempt_is_not_criticized() -> None:
    played = play(CritiqueAndRevise(), [text("")])
    assert (played.outcome.stop, played.outcome.sample) == ("done", Sample(""))


def test_it_starts_from_what_was_drawn_before() -> None:
    played = play(CritiqueAndRevise(), [text("No mistakes.")], STEP.with_drawn((says(5),)))
    assert (len(played.asked), played.outcome.answer) == (1, "5")


def test_no_round_is_no_critique() -> None:
    with pytest.raises(ConfigurationError, match="at least one critique"):
        CritiqueAndRevise(0)


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: CritiqueAndRevise(2))
