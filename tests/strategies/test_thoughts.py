"""Replies that are written thought by thought."""

from dataclasses import replace

import pytest

from tests.strategies.by_hand import STEP
from tts_agent.effects import Generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import assistant
from tts_agent.sampling import Sample, SampleBatch, Usage
from tts_agent.step import Step
from tts_agent.strategies.thoughts import Path, Thoughts, concludes
from tts_agent.verifiers import Verdict

ROOT = Path()


def drawn(thoughts: Thoughts, path: Path, *pieces: Sample, step: Step = STEP) -> tuple[Generate, list[Path]]:
    """What is asked for, and the paths that come of it."""
    flow = thoughts.draw(step, path, len(pieces))
    ask = next(flow)
    assert isinstance(ask, Generate)
    with pytest.raises(StopIteration) as stop:
        flow.send(SampleBatch(pieces))
    paths, _ = stop.value.value
    return ask, paths


def test_a_thought_ends_at_the_separator_and_the_next_begins_after_it() -> None:
    thoughts = Thoughts(" ; ", max_tokens=3, options={"continue_final_message": True})
    step = replace(STEP, stop=("END",), options={"top_p": 0.9})
    ask, (first,) = drawn(thoughts, ROOT, Sample("47+38=85", usage=Usage(9, 2), raw="the endpoint's own"), step=step)
    assert (ask.request.messages, ask.request.max_tokens, ask.request.stop) == (STEP.messages, 3, ("END", ";"))
    assert ask.request.options == {"top_p": 0.9}
    assert first == Path(Sample("47+38=85 ; ", "length", usage=Usage(9, 2)))
    assert first.sample.raw is None
    ask, (second,) = drawn(thoughts, first, Sample(" answer 85", usage=Usage(11, 3)), step=step)
    assert ask.request.messages == (*STEP.messages, assistant("47+38=85 ;"))
    assert ask.request.options == {"top_p": 0.9, "continue_final_message": True}
    assert second == Path(Sample("47+38=85 ; answer 85", usage=Usage(20, 5)), open=False)


def test_a_reply_to_which_nothing_is_added_is_whole() -> None:
    _, (path,) = drawn(Thoughts(), Path(Sample("Yes.\n\n", "length")), Sample(""))
    assert (path.open, path.sample.text, path.sample.finish_reason) == (False, "Yes.\n\n", "stop")


def test_what_was_cut_off_is_gone_on_with_while_the_reply_has_room() -> None:
    cut = Sample("a b c", "length", usage=Usage(5, 3))
    ask, (path,) = drawn(Thoughts(max_tokens=3), ROOT, cut)
    assert (ask.request.max_tokens, path.open, path.sample.text) == (3, True, "a b c")
    ask, (path,) = drawn(Thoughts(max_tokens=6), path, Sample(" d e f g h", "length", usage=Usage(8, 5)))
    assert ask.request.max_tokens == STEP.max_tokens - 3
    assert (path.open, path.sample.text, path.sample.finish_reason) == (False, "a b c d e f g h", "length")
    assert not path.sample.valid


def test_a_filtered_reply_is_over() -> None:
    _, (path,) = drawn(Thoughts(), ROOT, Sample("no", "content_filter"))
    assert (path.open, path.sample.finish_reason) == (False, "content_filter")


def test_an_open_path_cannot_vote_and_is_not_accepted_but_is_judged_as_it_stands() -> None:
    path = Path(Sample("47+38=85 ; ", "length"))
    assert not path.sample.valid
    assert path.judged_as.valid
    assert not path.judged(Verdict(1.0, accepted=True)).verdict.accepted
    assert replace(path, open=False).judged(Verdict(1.0, accepted=True)).verdict.accepted


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("The answer is 4.", True),
        ("So it is \\boxed{4}", True),
        ("47+38=85 ; answer 85", True),
        ("**Final answer** 4", True),
        ("Answer: 4", True),
        ("To find the answer we add.", False),
        ("47+38=85 ;", False),
        ("", False),
    ],
)
def test_what_states_an_answer_is_whole(text: str, whole: bool) -> None:
    assert concludes(text) is whole


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="more than spaces"):
        Thoughts(" ")
    with pytest.raises(ConfigurationError, match="at least 1"):
        Thoughts(max_tokens=0)
