"""From names on the command line to objects: the one place where that happens."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tts_agent.cli.catalogue import METHODS, Group, Part, is_maker, parts, settings
from tts_agent.difficulty import Estimator
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.profile import ClassProfile, read_profiles
from tts_agent.sampling import Sampler
from tts_agent.strategies import Strategy
from tts_agent.verifiers import Verifier

if TYPE_CHECKING:  # needs numpy
    from tts_agent.learning.grading import Grading
    from tts_agent.learning.item import Item
    from tts_agent.routing.profile_file import ProfileFile

EMBEDDED = "embedded"
COUNTED = 1_000_000_000
"""Dollars that nobody reaches: a limit, so that money is counted where it is not limited."""

_ONE_OF: dict[Group, str] = {"strategies": "strategy", "verifiers": "verifier", "estimators": "estimator"}
_VERIFIER_SETTINGS = ("verifier", "judge")


def sampler(model: str, base_url: str | None, *, logprobs: bool = False) -> Sampler:
    """The embedded model, or a model behind an OpenAI-compatible endpoint."""
    if model == EMBEDDED:
        if base_url is not None:
            raise ConfigurationError("--base-url needs --model: name the model that the endpoint serves")
        from tts_agent.embedded import EmbeddedSampler

        return EmbeddedSampler()
    from tts_agent.samplers.openai import OpenAISampler

    return OpenAISampler(model, base_url=base_url, logprobs=logprobs)


def embedded_questions(data: str) -> tuple[list[Item], Grading] | None:
    """The problems that 'embedded:N' names, and who grades them; None where `data` names something else."""
    if data.partition(":")[0] != EMBEDDED or Path(data).exists():
        return None
    from tts_agent.embedded.questions import embedded_grading, embedded_items

    number = data.partition(":")[2] or "100"
    if not number.isdecimal() or not int(number):
        raise ConfigurationError(f"{data}: give a number of problems above 0, such as embedded:100")
    return embedded_items(int(number)), embedded_grading()


def max_tokens(given: int | None, model: str) -> int:
    """Most output tokens of a sample: as given, else what is enough for the model."""
    if given is not None and given < 1:
        raise ConfigurationError(f"--max-tokens is {given}: at least 1 is needed")
    if given is not None or model != EMBEDDED:
        return given or 1024
    from tts_agent.embedded.defaults import settings as embedded_settings

    return embedded_settings().max_tokens


def estimator(choice: str, model: str) -> Estimator | None:
    """`none`, `auto` (the shipped one, for the embedded model only), the folder of a saved one, or a plug-in's name."""
    if choice == "none" or (choice == "auto" and model != EMBEDDED):
        return None
    from tts_agent.difficulty.estimator import DifficultyEstimator

    if choice == "auto":
        from tts_agent.embedded import ESTIMATOR_FOLDER

        return DifficultyEstimator.load(ESTIMATOR_FOLDER)
    if not Path(choice).exists() and any(part.name == choice for part in parts("estimators")):
        return cast(Estimator, _made("estimators", _named("estimators", choice)))
    return DifficultyEstimator.load(Path(choice))


def profile(path: Path, model: str) -> ProfileFile:
    """What `tts-agent profile` measured of this model.

    Raises:
        ConfigurationError: it cannot be read, or is of another model.
    """
    from tts_agent.routing.profile_file import ProfileFile

    found = ProfileFile.read(path)
    found.check_model(model, path)
    return found


def stored_profiles(trained: Estimator | None) -> Mapping[str, ClassProfile] | None:
    """What a trained estimator carries of each class of steps (`tts-agent train`); None where it carries nothing."""
    from tts_agent.difficulty.estimator import DifficultyEstimator

    return (read_profiles(trained.profiles) or None) if isinstance(trained, DifficultyEstimator) else None


def verifier(name: str) -> Verifier:
    """The verifier of that name, with its settings as they are by default.

    Raises:
        ConfigurationError: there is none, it cannot be loaded, or it cannot do without settings.
    """
    return cast(Verifier, _made("verifiers", _named("verifiers", name)))


def strategy(name: str, verifier_name: str | None = None) -> Strategy:
    """The strategy of that name, with the verifier of the other name where it takes one.

    Raises:
        ConfigurationError: there is no such strategy or verifier, it cannot be loaded, or it needs further settings.
    """
    part = _named("strategies", name)
    wanted = settings(part.value, "strategies")
    setting = next((one for one in _VERIFIER_SETTINGS if one in wanted), None)
    if verifier_name is None:
        if setting and wanted[setting]:
            raise ConfigurationError(f"the strategy {name!r} needs a verifier: name one with --verifier")
        return cast(Strategy, _made("strategies", part))
    if setting is None:
        raise ConfigurationError(f"the strategy {name!r} takes no verifier: leave --verifier out")
    return cast(Strategy, _made("strategies", part, {setting: verifier(verifier_name)}))


def _named(group: Group, name: str) -> Part:
    """The part of that name. What ships keeps its name; two plug-ins that share one are not guessed between."""
    found = [part for part in parts(group) if part.name == name]
    one = _ONE_OF[group]
    if not found:
        raise ConfigurationError(f"there is no {one} {name!r}: `tts-agent {group}` lists what there is")
    if len(found) > 1 and found[0].distribution:
        owners = " and ".join(str(part.distribution) for part in found)
        raise ConfigurationError(f"the {one} {name!r} is announced by {owners}: uninstall all but one")
    if found[0].error:
        raise ConfigurationError(f"the {one} {name!r} of {found[0].distribution} cannot be loaded: {found[0].error}")
    return found[0]


def _made(group: Group, part: Part, given: dict[str, Any] | None = None) -> object:
    """The part itself."""
    one, given = _ONE_OF[group], given or {}
    made = part.value
    if is_maker(made, group):
        missing = [name for name, needed in settings(made, group).items() if needed and name not in given]
        if missing:
            what = ", ".join(missing)
            raise ConfigurationError(f"the {one} {part.name!r} needs settings that only Python can give: {what}")
        try:
            made = made(**given)
        except ConfigurationError:
            raise
        except Exception as error:  # a plug-in's constructor may raise anything
            raise ConfigurationError(f"the {one} {part.name!r} cannot be made: {error!r}") from error
    if not callable(getattr(made, METHODS[group], None)):
        raise ConfigurationError(f"{part.name!r} of {part.distribution} is no {one}: it has no {METHODS[group]}()")
    return made


def question(argument: str) -> str:
    """The question as typed, or read from standard input for "-".

    Raises:
        ConfigurationError: it is not UTF-8, or empty.
    """
    try:
        if argument == "-":
            text = sys.stdin.buffer.read().decode("utf-8")
        else:
            text = argument.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the question is not UTF-8 text (byte {error.start + 1})") from None
    if not text.strip():
        raise ConfigurationError("the question is empty: there is nothing to answer")
    return text
