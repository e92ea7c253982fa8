"""Which ledger a node's calls are on."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from tts_agent import Budget, ConfigurationError
from tts_agent.budget import Ask, Reservation
from tts_agent.nodes.budgets import ledger


@dataclass
class Context:
    tts_budget: Any


def config(budget: Any = None) -> RunnableConfig:
    return {"configurable": {} if budget is None else {"tts_budget": budget}}


def test_a_shared_budget_is_that_very_ledger_and_a_number_is_a_new_one_each_time() -> None:
    shared = Budget(100)
    assert ledger(shared, config(), None) is shared
    first, second = ledger(100, config(), None), ledger(100, config(), None)
    assert first is not second
    assert first.limit.tokens == 100


def test_a_budget_that_comes_with_the_run_takes_the_place_of_the_node_s_own() -> None:
    own, run = Budget(100), Budget(500)
    assert ledger(own, config(run), None) is run
    assert ledger(own, config(), Runtime(context={"tts_budget": run})) is run
    assert ledger(own, config(), Runtime(context=Context(run))) is run
    assert ledger(own, config(), Runtime(context=SimpleNamespace())) is own
    assert ledger(own, config(), Runtime()) is own


def test_a_number_that_comes_with_the_run_can_only_narrow() -> None:
    shared = Budget(100)
    assert ledger(shared, config(60), None).view().remaining.tokens == 60
    assert ledger(shared, config(10**9), None).view().remaining.tokens == 100
    grant = ledger(shared, config(60), None).reserve(Ask(10, 1, 20))
    assert isinstance(grant, Reservation)
    grant.settle(30)
    assert shared.spent.tokens == 30


@pytest.mark.parametrize("budget", [0, -5, "many", True, 1.5])
def test_a_run_s_budget_must_be_a_number_of_tokens_or_a_budget(budget: Any) -> None:
    with pytest.raises(ConfigurationError, match="tts_budget"):
        ledger(None, config(budget), None)
