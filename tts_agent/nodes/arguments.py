"""Arguments that all doors of `nodes/` take, checked when a door is made: one clear sentence for what is wrong."""

from __future__ import annotations

import sys

from tts_agent.budget import Budget
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.budgets import checked


def check(
    *,
    estimator: object = None,
    budget: object = None,
    temperature: object = None,
    seed: object = None,
    max_retries: object = 0,
    max_tokens_field: object = None,
    on_result: object = None,
) -> None:
    """Refuse what could only fail later.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    having(estimator, "estimator", "predict")
    if budget is not None and not isinstance(budget, Budget):
        checked(budget, "budget", "or a tts_agent.Budget")
    if temperature is not None and not between(temperature, 0.0, sys.float_info.max):
        raise ConfigurationError(f"temperature is {temperature!r}: give a number of at least 0, or None")
    if seed is not None:
        whole(seed, "seed")
    whole(max_retries, "max_retries", least=0)
    if max_tokens_field is not None and not (isinstance(max_tokens_field, str) and max_tokens_field):
        raise ConfigurationError(
            f"max_tokens_field is {max_tokens_field!r}: name a field or call argument of the model"
        )
    if on_result is not None and not callable(on_result):
        raise ConfigurationError(f"on_result is {on_result!r}: that is no function")


def having(value: object, name: str, method: str) -> None:
    """Refuse what lacks its method; None is none.

    Raises:
        ConfigurationError: it has no such method.
    """
    if value is not None and not callable(getattr(value, method, None)):
        raise ConfigurationError(f"{name} is {value!r}, which has no method {method}()")


def whole(value: object, name: str, *, least: int | None = None) -> int:
    """A whole number.

    Raises:
        ConfigurationError: it is none, or less than `least`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or (least is not None and value < least):
        bound = "" if least is None else f" of at least {least}"
        raise ConfigurationError(f"{name} is {value!r}: give a whole number{bound}")
    return value


def switches(**values: object) -> None:
    """Refuse what is neither True nor False.

    Raises:
        ConfigurationError: one of them is something else.
    """
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ConfigurationError(f"{name} is {value!r}: give True or False")


def between(value: object, least: float, most: float) -> bool:
    """Whether it is a number from `least` to `most`."""
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
