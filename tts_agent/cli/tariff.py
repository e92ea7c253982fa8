"""What tokens of a model cost: as typed, or its list price."""

from __future__ import annotations

from tts_agent.budget import LIST_PRICES, Tariff
from tts_agent.budget.tariffs import find
from tts_agent.exceptions import ConfigurationError

HELP = "Prices as INPUT,OUTPUT in dollars per million tokens; else the list price."


def tariff(given: str | None, model: str) -> Tariff | None:
    """The prices; None where none were given and the model has none listed.

    Raises:
        ConfigurationError: what was given is no pair of numbers.
    """
    if given is None:
        return find(model, LIST_PRICES)
    try:
        inputs, outputs = map(float, given.split(","))
    except ValueError:
        raise ConfigurationError(f"--tariff is {given!r}: give INPUT,OUTPUT, such as 0.4,1.6") from None
    return Tariff(inputs, outputs)
