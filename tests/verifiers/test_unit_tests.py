"""Unit tests in a sandbox as a verifier."""

import pytest

from tests.verifiers.by_hand import judged
from tts_agent.messages import user
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN, SequentialRefinement
from tts_agent.testing.conformance import check_verifier
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import UnitTests, Verdict

pytestmark = pytest.mark.usefixtures("needs_sandbox")

STEP = Step((user("Write square(x)."),))
TESTS = "assert square(3) == 9\nassert square(0) == 0\nassert square(2) == 4"


def test_code_that_passes_is_accepted_and_the_rest_scored_by_how_much_does() -> None:
    right = Sample("Sure!\n```python\ndef square(x):\n    return x * x\n```\nThat does it.")
    close, wrong = Sample("def square(x): return x + x"), Sample("def square(x): return -1")
    assert judged(UnitTests(TESTS), STEP, right, close, wrong) == [
        Verdict(1.0, accepted=True),
        Verdict(2 / 3, feedback="A test fails: assert square(3) == 9: square(3) returned 6"),
        Verdict(0.0, feedback="A test fails: assert square(3) == 9: square(3) returned -1"),
    ]


def test_the_tests_can_be_kept_from_the_model() -> None:
    (verdict,) = judged(UnitTests(TESTS, show_tests=False), STEP, Sample("def square(x): return 9"))
    assert verdict == Verdict(1 / 3, feedback="The code does not pass its tests.")


def test_tests_may_belong_to_the_step() -> None:
    verifier = UnitTests(lambda step: TESTS if "square" in step.text else "assert False")
    code = Sample("def square(x): return x * x")
    assert judged(verifier, STEP, code)[0].accepted
    assert not judged(verifier, Step((user("Write cube(x)."),)), code)[0].accepted


def test_prose_and_cut_off_code_are_rejected() -> None:
    prose, cut_off = judged(
        UnitTests(TESTS), STEP, Sample("I cannot."), Sample("def square(x): return x * x", "length")
    )
    assert (prose.accepted, prose.score) == (False, 0.0)
    assert "SyntaxError" in str(prose.feedback)
    assert (cut_off.accepted, cut_off.score) == (False, 0.0)


def test_it_keeps_the_contract() -> None:
    check_verifier(lambda: UnitTests("assert True"))


def test_best_of_n_stops_at_code_that_passes_and_refinement_learns_from_the_failure() -> None:
    wrong, right = "def square(x): return x + x", "def square(x): return x * x"
    sampler = ScriptedSampler([wrong, right, wrong])
    best = AdaptiveReasoner(sampler, policy=Fixed(BestOfN(UnitTests(TESTS), FixedSize(2)))).run(STEP.text).outcome
    assert (best.accepted, best.sample and best.sample.text, len(best.samples)) == (True, right, 2)

    model = ScriptedSampler(lambda request, index: right if "returned 6" in request.messages[-1].content else wrong)
    refined = AdaptiveReasoner(model, policy=Fixed(SequentialRefinement(UnitTests(TESTS)))).run(STEP.text).outcome
    assert (refined.accepted, len(refined.samples)) == (True, 2)
