"""A planted tree: every reply is `LENGTH` thoughts, each right with probability `s`, and the answer tells them all."""

import random
from collections.abc import Callable

from tts_agent.effects import Generate
from tts_agent.sampling import Sample, SampleBatch, Usage
from tts_agent.step import Step
from tts_agent.strategies.thoughts import Thoughts
from tts_agent.verifiers import FunctionVerifier, Verdict

LENGTH = 5
THOUGHTS = Thoughts("\n")


def soundness(step: Step, sample: Sample) -> Verdict:
    """A process verifier: where the first wrong thought is; a whole reply without one is accepted."""
    lines = sample.text.split()
    wrong = next((at for at, line in enumerate(lines, start=1) if line == "no"), None)
    return Verdict(float(wrong is None), accepted=wrong is None and "answer" in sample.text, wrong_at=wrong)


SOUND = FunctionVerifier(soundness)


def planted(s: float, seed: int) -> Callable[[Generate], SampleBatch]:
    """A model that writes one thought where it is told to stop at line ends, else a whole reply."""
    rng = random.Random(seed)

    def thought() -> str:
        return "ok" if rng.random() < s else "no"

    def reply(ask: Generate) -> Sample:
        begun = ask.request.messages[-1]
        done = begun.content.split() if begun.role == "assistant" else []
        wanted = 1 if ask.request.stop else LENGTH - len(done)
        lines = [thought() for _ in range(wanted)]
        if len(done) + wanted == LENGTH:
            lines[-1] += "\nanswer " + "".join(word[0] for word in (*done, *lines))
        return Sample("\n".join(lines), usage=Usage(1, wanted))

    return lambda ask: SampleBatch(tuple(reply(ask) for _ in range(ask.n)))
