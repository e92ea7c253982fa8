"""``chain``: arithmetic in plain words, one instruction after the other."""

import re
from random import Random
from typing import ClassVar

from tts_agent.embedded.tasks.arithmetic import Change, Walk, derive, draw_walk
from tts_agent.embedded.tasks.base import Derivation, Family, Problem, normalize, rung

_LADDER = (
    Walk(steps=1, low=1, high=20, ceiling=40, times=0.0),
    Walk(steps=1, low=2, high=99, ceiling=198, times=0.0),
    Walk(steps=2, low=2, high=99, ceiling=198, times=0.1),
    Walk(steps=3, low=2, high=99, ceiling=198, times=0.1),
    Walk(steps=4, low=2, high=99, ceiling=400, times=0.1),
    Walk(steps=5, low=10, high=199, ceiling=999, times=0.1),
    Walk(steps=6, low=10, high=499, ceiling=999, times=0.15),
    Walk(steps=8, low=10, high=499, ceiling=999, times=0.2),
    Walk(steps=10, low=10, high=999, ceiling=1999, times=0.2),
    Walk(steps=12, low=10, high=999, ceiling=1999, times=0.2),
    Walk(steps=15, low=100, high=999, ceiling=4999, times=0.25),
    Walk(steps=18, low=100, high=1999, ceiling=9999, times=0.25),
)
_PHRASES = {
    "+": ("add {}", "plus {}"),
    "-": ("subtract {}", "take away {}", "minus {}"),
    "*": ("multiply by {}", "times {}"),
}
_SIGNS = {phrase.removesuffix(" {}"): sign for sign, phrases in _PHRASES.items() for phrase in phrases}
_INSTRUCTION = rf"({'|'.join(_SIGNS)}) (\d+)"
_QUESTION = re.compile(
    rf"start with (\d+)((?: [.,] (?:then )?{_INSTRUCTION})+) [.,] what (?:is the result|do you get) \?"
)


class Chain(Family):
    """Start with a number and change it 1 to 18 times."""

    name: ClassVar[str] = "chain"
    levels: ClassVar[int] = len(_LADDER)

    def generate(self, rng: Random, level: int) -> Problem:
        """See `Family.generate`."""
        start, changes = draw_walk(rng, rung(_LADDER, level))
        instructions = [rng.choice(_PHRASES[change.sign]).format(change.operand) for change in changes]
        end = rng.choice(("What is the result?", "What do you get?"))
        if rng.random() < 0.75:
            body = " ".join(f"{text.capitalize()}." for text in instructions)
            question = f"Start with {start}. {body} {end}"
        else:
            question = f"Start with {start}, {', '.join(instructions)}. {end}"
        derivation = derive(start, changes)
        return Problem(self.name, level, question, derivation.answer, derivation.solution)

    def read(self, question: str) -> Derivation | None:
        """See `Family.read`."""
        match = _QUESTION.fullmatch(normalize(question))
        if match is None:
            return None
        found = re.findall(_INSTRUCTION, match[2])
        return derive(int(match[1]), (Change(_SIGNS[phrase], int(number)) for phrase, number in found))
