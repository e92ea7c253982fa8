"""Which ledger a node's calls are on: the node's own, or one that came with the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from tts_agent.budget import Budget
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.metering import installed
from tts_agent.reasoner import as_budget

RUN_BUDGET = "tts_budget"
"""Name of a run's budget, in `config["configurable"]` or in the graph's runtime context."""


def ledger(own: Budget | int | None, config: RunnableConfig, runtime: Runtime[Any] | None) -> Budget:
    """The ledger for one invocation of a node.

    A `Budget` that came with the run takes the place of the node's own: pass the same one to share it between
    all nodes of a run, or between runs. A number, the node's own or one that came with the run, can only narrow: it
    caps this one invocation, inside whatever budget there is. Without a `Budget` of its own or of the run, the
    node is on the one that `token_budget` put around it.

    Raises:
        ConfigurationError: the run's budget is neither.
    """
    given = run_budget(config, runtime)
    if isinstance(given, Budget):
        return given
    mine = _under(own)
    if given is None:
        return mine
    return mine.child(checked(given, f"the run's {RUN_BUDGET}", "or a tts_agent.Budget"))


def shared_ledger(own: Budget | None, config: RunnableConfig, runtime: Runtime[Any] | None) -> Budget:
    """The same for several nodes that answer one step together.

    Raises:
        ConfigurationError: the run's budget is a number, on which every node would count for itself.
    """
    given = run_budget(config, runtime)
    if given is not None and not isinstance(given, Budget):
        raise ConfigurationError(f"the run's {RUN_BUDGET} is {given!r}: give a tts_agent.Budget, which all nodes share")
    return ledger(own, config, runtime)


def _under(own: Budget | int | None) -> Budget:
    """The node's own budget, or its number inside the budget around it."""
    around = installed()
    if around is None or isinstance(own, Budget):
        return as_budget(own)
    return around if own is None else around.child(own)


def checked(tokens: object, what: str, otherwise: str = "") -> int:
    """A number of tokens; `what` it is and what it may be `otherwise` stand in the error.

    Raises:
        ConfigurationError: it is none.
    """
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 1:
        raise ConfigurationError(f"{what} is {tokens!r}: give a number of tokens above 0 {otherwise}".rstrip())
    return tokens


def run_budget(config: RunnableConfig, runtime: Runtime[Any] | None) -> object:
    given = (config.get("configurable") or {}).get(RUN_BUDGET)
    if given is not None or runtime is None:
        return given
    context = runtime.context
    return context.get(RUN_BUDGET) if isinstance(context, Mapping) else getattr(context, RUN_BUDGET, None)
