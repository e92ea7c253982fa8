"""Programs that read and print, run on examples, as a verifier."""

import pytest

from tests.verifiers.by_hand import judged
from tts_agent.messages import user
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.conformance import check_verifier
from tts_agent.verifiers import ProgramTests, Verdict

pytestmark = pytest.mark.usefixtures("needs_sandbox")

STEP = Step((user("Read two numbers, print their sum."),))
EXAMPLES = (("1 2\n", "3\n"), ("2 2\n", "4\n"))


def test_a_program_is_held_to_every_example() -> None:
    right = Sample("```python\nprint(sum(map(int, input().split())), end='  \\n\\n')\n```")
    product, broken = Sample("a, b = map(int, input().split())\nprint(a * b)"), Sample("print(input() / 2)")
    assert judged(ProgramTests(EXAMPLES), STEP, right, product, broken) == [
        Verdict(1.0, accepted=True),
        Verdict(0.5, feedback="For the input '1 2\\n' the program prints '2\\n' instead of '3\\n'."),
        Verdict(
            0.0,
            feedback="For the input '1 2\\n' the program fails: "
            "TypeError: unsupported operand type(s) for /: 'str' and 'int'",
        ),
    ]


def test_the_examples_can_be_kept_from_the_model_and_may_belong_to_the_step() -> None:
    verifier = ProgramTests(lambda step: EXAMPLES[:1], show_examples=False)
    assert judged(verifier, STEP, Sample("print(4)")) == [
        Verdict(0.0, feedback="The program does not do what it should on every example.")
    ]


def test_no_example_accepts_nothing() -> None:
    assert not judged(ProgramTests(()), STEP, Sample("print(3)"))[0].accepted


def test_it_keeps_the_contract() -> None:
    check_verifier(lambda: ProgramTests(EXAMPLES[:1]))
