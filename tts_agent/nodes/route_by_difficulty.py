"""A conditional edge that goes by predicted difficulty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from tts_agent import answers
from tts_agent.difficulty import Estimator, StepText
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.arguments import between, check
from tts_agent.nodes.messages import from_langchain
from tts_agent.nodes.steps import StepMaker


def route_by_difficulty(
    estimator: Estimator,
    branches: Mapping[str, float],
    *,
    model: str = "",
    messages_key: str = "messages",
    kind: str | Callable[[Any], str] = "default",
) -> Callable[[Any], str]:
    """A function for `add_conditional_edges`: the node to go to, by the predicted pass@1 of the conversation's step.

        route_by_difficulty(estimator, {"small_model": 0.9, "vote": 0.3, "ask_a_person": 0.0})

    The prediction costs no model call. LangGraph runs the function off the event loop in asynchronous graphs, and
    draws the branches without a `path_map`.

    Args:
        estimator: predicts pass@1 of a step.
        branches: the least mean of the prediction that each node is for, in any order; the lowest must be 0.
        model: identity of the model that would answer, as the estimator knows it.
        messages_key, kind: as in `adaptive_node`; what was learned was learned per class of step.

    Raises:
        ConfigurationError: an argument is wrong (now), or the state has no conversation (when the edge is taken).
    """
    if estimator is None:
        raise ConfigurationError("estimator is None: give one, or there is nothing to go by")
    check(estimator=estimator)
    ranked = _ranked(branches)
    if not isinstance(model, str):
        raise ConfigurationError(f"model is {model!r}: give its name, as the estimator knows it")
    step = StepMaker(
        messages_key=messages_key,
        prompt=None,
        kind=kind,
        answer_key=answers.auto,
        max_tokens=1,
        temperature=None,
        seed=None,
        final=False,
        tools=(),
        turn=from_langchain,
    )

    def by_difficulty(state: Any) -> str:
        (belief,) = estimator.predict([StepText.of(step(state), model)])
        return next(node for node, level in ranked if belief.mean >= level)

    by_difficulty.__annotations__["return"] = Literal[tuple(branches)]  # LangGraph draws the edges by it
    return by_difficulty


def _ranked(branches: object) -> list[tuple[str, float]]:
    """The branches, the highest level first."""
    levels = list(branches.values()) if isinstance(branches, Mapping) else []
    distinct = all(between(level, 0.0, 1.0) for level in levels) and len(set(levels)) == len(levels)
    if not isinstance(branches, Mapping) or not distinct or 0.0 not in levels:
        raise ConfigurationError(
            f"branches is {branches!r}: give each node another least pass@1 up to 1, and one of them 0"
        )
    if not all(isinstance(node, str) for node in branches):
        raise ConfigurationError(f"branches is {branches!r}: nodes are named by texts")
    return sorted(branches.items(), key=lambda branch: -branch[1])
