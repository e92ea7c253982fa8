"""Arms as typed for `tts-agent profile --arms`."""

from __future__ import annotations

import re

from tts_agent.cli import resolve
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.profile_arms import LADDERS, SINGLE, ProfiledArm, ladder, single
from tts_agent.strategies.sequential_refinement import FeedbackWording, plain_feedback

DEFAULT = "self_consistency=3,5,9,15 best_of_n=2,4,8 sequential_refinement=1..4"


def arms(text: str, feedback: FeedbackWording = plain_feedback) -> list[ProfiledArm]:
    """What a list such as "self_consistency=3,5,9 sequential_refinement=1..4 medoid" means; one call comes first.

    Raises:
        ConfigurationError: a name or a size is no name or size.
    """
    found = [single()]
    for word in text.replace(";", " ").split():
        name, _, sizes = word.partition("=")
        if name == SINGLE:
            continue
        if name in LADDERS:
            found += ladder(name, _sizes(name, sizes), feedback)
        elif sizes:
            raise ConfigurationError(f"--arms: {name} has no size; these have one: {', '.join(LADDERS)}")
        else:
            found.append(_plain(name))
    if len(found) < 2:
        raise ConfigurationError("--arms names nothing to compare with one call: give a list such as " + DEFAULT)
    if twice := next((arm.name for arm in found if [other.name for other in found].count(arm.name) > 1), None):
        raise ConfigurationError(f"--arms: {twice} is there twice")
    return found


def _plain(name: str) -> ProfiledArm:
    strategy = resolve.strategy(name)
    return ProfiledArm(name, 1, lambda _: strategy)


def _sizes(name: str, text: str) -> list[int]:
    if found := re.fullmatch(r"(\d+)\.\.(\d+)", text):
        return list(range(int(found[1]), int(found[2]) + 1))
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise ConfigurationError(f"--arms: sizes of {name} are such as {name}=2,4,8 or {name}=1..4") from None
