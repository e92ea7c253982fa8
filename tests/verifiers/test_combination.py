"""Verifiers made of verifiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.driver import Driver
from tts_agent.effects import Flow, generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.conformance import check_verifier
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import AllOf, AnyOf, Cascade, FunctionVerifier, Verdict, Verifier, Weighted

STEP = Step((user("What is 2 + 2?"),))


@dataclass(frozen=True)
class Told:
    """Says what it was told to, and notes whom it saw."""

    verdicts: dict[str, Verdict]
    name: str = "told"
    seen: list[list[str]] = field(default_factory=list)

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        yield from ()
        self.seen.append([sample.text for sample in samples])
        return [self.verdicts[sample.text] for sample in samples]


@dataclass(frozen=True)
class Asking:
    """Spends a call on every sample."""

    name: str = "asking"

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        verdicts = []
        for _ in samples:
            batch = yield from generate(step.request(), 1)
            verdicts.append(Verdict(0.5, accepted=bool(batch.samples)))
        return verdicts


def judged(verifier: Verifier, *texts: str, sampler: ScriptedSampler | None = None) -> Sequence[Verdict]:
    flow = verifier.verify(STEP, [Sample(text) for text in texts])
    return run_sync(Driver(sampler or ScriptedSampler([]), CheckedBudget()).run(flow))


def told(**verdicts: Verdict) -> Told:
    return Told(verdicts)


YES, NO = Verdict(0.9, accepted=True), Verdict(0.2, wrong_at=3, feedback="No.")
MAYBE = Verdict(0.6, accepted=True, feedback="Hm.")


def test_all_of_takes_the_lowest_score_and_the_first_complaint() -> None:
    verifier = AllOf((told(a=YES, b=YES, c=MAYBE), told(a=MAYBE, b=NO, c=Verdict(7.0, accepted=True))))
    assert judged(verifier, "a", "b", "c") == [
        Verdict(0.6, accepted=True),
        Verdict(0.2, wrong_at=3, feedback="No."),
        Verdict(0.6, accepted=True),
    ]


def test_any_of_takes_the_highest_score() -> None:
    verifier = AnyOf((told(a=Verdict(0.0), b=NO), told(a=NO, b=YES)))
    assert judged(verifier, "a", "b") == [Verdict(0.2, wrong_at=3, feedback="No."), Verdict(0.9, accepted=True)]


def test_weights_decide_between_verifiers() -> None:
    pair = (told(a=Verdict(1.0, accepted=True), b=NO), told(a=Verdict(0.0), b=Verdict(0.6)))
    assert judged(Weighted(pair, (3.0, 1.0)), "a") == [Verdict(0.75, accepted=True)]
    assert judged(Weighted(pair, accept_at=0.6), "a", "b") == [
        Verdict(0.5),
        Verdict(0.4, wrong_at=3, feedback="No."),
    ]


def test_a_cascade_shows_the_next_only_what_the_cheaper_one_let_through() -> None:
    cheap = told(a=YES, b=NO, c=MAYBE)
    dear = told(a=Verdict(0.3, feedback="Not quite."), c=YES)
    last = told(c=MAYBE)
    verdicts = judged(Cascade((cheap, dear, last)), "a", "b", "c")
    assert verdicts == [Verdict(0.3, feedback="Not quite."), NO, MAYBE]
    assert (dear.seen, last.seen) == ([["a", "c"]], [["c"]])


def test_a_cascade_spends_nothing_on_what_is_rejected() -> None:
    sampler = ScriptedSampler(lambda request, index: "yes")
    verdicts = judged(Cascade((told(a=NO, b=YES, c=NO), Asking())), "a", "b", "c", sampler=sampler)
    assert [verdict.accepted for verdict in verdicts] == [False, True, False]
    assert len(sampler.calls) == 1
    judged(Cascade((told(a=NO), Asking())), "a", sampler=sampler)
    assert len(sampler.calls) == 1


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.booleans()), min_size=1, max_size=6))
def test_and_is_stricter_than_each_and_each_than_or(rows: list[tuple[float, bool, bool]]) -> None:
    texts = [str(index) for index in range(len(rows))]
    first = Told({text: Verdict(row[0], row[1]) for text, row in zip(texts, rows, strict=True)})
    second = Told({text: Verdict(1 - row[0], row[2]) for text, row in zip(texts, rows, strict=True)})
    both, either, one_by_one = (judged(kind((first, second)), *texts) for kind in (AllOf, AnyOf, Cascade))
    for text, strict, lenient, late in zip(texts, both, either, one_by_one, strict=True):
        verdicts = first.verdicts[text], second.verdicts[text]
        assert strict.accepted == all(verdict.accepted for verdict in verdicts) == late.accepted
        assert lenient.accepted == any(verdict.accepted for verdict in verdicts)
        assert strict.score <= min(verdict.score for verdict in verdicts) <= lenient.score


@pytest.mark.parametrize("kind", [AllOf, AnyOf, Weighted, Cascade])
def test_names_tell_what_it_is_made_of(kind: Callable[[tuple[Verifier, ...]], Verifier]) -> None:
    assert kind((told(), Asking())).name.endswith("(told, asking)")
    with pytest.raises(ConfigurationError, match="at least one verifier"):
        kind(())


@pytest.mark.parametrize("weights", [(1.0,), (1.0, -1.0), (0.0, 0.0)])
def test_weights_that_do_not_fit_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(ConfigurationError, match="weight"):
        Weighted((told(), told()), weights)


@pytest.mark.parametrize("kind", [AllOf, AnyOf, Weighted, Cascade])
def test_they_keep_the_contract(kind: Callable[[tuple[Verifier, ...]], Verifier]) -> None:
    check_verifier(lambda: kind((FunctionVerifier(lambda step, sample: "4" in sample.text), Asking())))
