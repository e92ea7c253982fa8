"""What verifiers that read replies share: each different reply is judged once, and nobody pays for a broken one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tts_agent.effects import Flow
from tts_agent.messages import ToolCall
from tts_agent.sampling import Sample
from tts_agent.verifiers.base import Verdict


def judged_once(
    samples: Sequence[Sample], judge: Callable[[Sequence[str]], Flow[Sequence[Verdict]]]
) -> Flow[Sequence[Verdict]]:
    """A verdict a sample, in order. `judge` sees the different texts of the valid ones, if there are any; truncated,
    filtered, empty and unparseable samples score 0."""
    replies = list(dict.fromkeys(reply_text(sample) for sample in samples if sample.valid))
    verdicts = (yield from judge(replies)) if replies else ()
    by_reply = dict(zip(replies, verdicts, strict=True))
    incomplete = Verdict(0.0, feedback="The answer is incomplete.")
    return [by_reply[reply_text(sample)] if sample.valid else incomplete for sample in samples]


def reply_text(sample: Sample) -> str:
    """A reply as it is judged: what it says, and the calls that it proposes."""
    return spoken(sample.text, sample.tool_calls)


def spoken(text: str, calls: Sequence[ToolCall]) -> str:
    """A turn as text, with the calls that it makes."""
    return "\n".join(part for part in (text, *map(str, calls)) if part.strip())
