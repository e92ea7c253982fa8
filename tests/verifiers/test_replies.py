"""Each different reply is judged once."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tts_agent.driver import Driver
from tts_agent.effects import Flow, call
from tts_agent.messages import ToolCall
from tts_agent.portal import run_sync
from tts_agent.sampling import Sample
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import Verdict
from tts_agent.verifiers.replies import judged_once, reply_text

SAMPLES = st.builds(Sample, st.sampled_from(["a", "bb", " ", "ccc"]), st.sampled_from(["stop", "length"]))


@given(st.lists(SAMPLES))
def test_every_sample_has_the_verdict_of_its_text_and_no_text_is_judged_twice(samples: list[Sample]) -> None:
    seen: list[str] = []

    def judge(replies: Sequence[str]) -> Flow[Sequence[Verdict]]:
        seen.extend(replies)
        return (yield from call(lambda: [Verdict(len(reply), accepted=True) for reply in replies]))

    verdicts = run_sync(Driver(ScriptedSampler([]), CheckedBudget()).run(judged_once(samples, judge)))
    assert len(verdicts) == len(samples)
    for sample, verdict in zip(samples, verdicts, strict=True):
        assert (verdict.score, verdict.accepted) == ((len(sample.text), True) if sample.valid else (0.0, False))
    assert sorted(seen) == sorted({sample.text for sample in samples if sample.valid})


def test_a_reply_is_its_text_and_its_calls() -> None:
    assert (
        reply_text(Sample("Let me see.", "tool_calls", (ToolCall("read", '{"n": 1}'),))) == 'Let me see.\nread({"n":1})'
    )
    assert reply_text(Sample("", "tool_calls", (ToolCall("read", ""),))) == "read({})"
