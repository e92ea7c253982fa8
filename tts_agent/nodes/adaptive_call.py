"""One call of an `AdaptiveChatModel`, as the step it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, var_child_runnable_config

from tts_agent.answers import AnswerKey
from tts_agent.budget import AsyncBudget, Budget, BudgetView
from tts_agent.budget.amount import UNLIMITED
from tts_agent.difficulty import Estimator
from tts_agent.exceptions import ConfigurationError, SamplerError
from tts_agent.nodes.arguments import check
from tts_agent.nodes.budgets import checked, ledger
from tts_agent.nodes.errors import budget_errors
from tts_agent.nodes.guard import guarded, in_final_node
from tts_agent.nodes.inner_sampler import InnerSampler
from tts_agent.nodes.live import Live
from tts_agent.nodes.messages import from_langchain
from tts_agent.nodes.metered_model import UNCAPPED, MeteredModel
from tts_agent.nodes.metering import answering
from tts_agent.nodes.wave import HomeLoop
from tts_agent.nodes.wiring import running
from tts_agent.reasoner import AdaptiveReasoner, Result
from tts_agent.routing import Policy
from tts_agent.step import Step

MAX_TOKENS = 4096
"""Most output tokens of a sample under a budget, where neither the model nor the user says."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How calls of a model are answered. The fields are those of `AdaptiveChatModel`.

    Raises:
        ConfigurationError: one of them is wrong.
    """

    policy: Policy
    estimator: Estimator | None
    budget: Budget | int | None
    max_tokens: int | None
    temperature: float | None
    kind: str
    answer_key: AnswerKey
    final: bool
    max_retries: int
    on_result: Callable[[Result], None] | None = field(default=None, repr=False)  # no part of what replies depend on

    def __post_init__(self) -> None:
        check(
            estimator=self.estimator,
            budget=self.budget,
            temperature=self.temperature,
            max_retries=self.max_retries,
            on_result=self.on_result,
        )
        if self.max_tokens is not None:
            checked(self.max_tokens, "max_tokens")
        if not isinstance(self.kind, str):
            raise ConfigurationError(f"kind is {self.kind!r}: that is no text")
        if not callable(self.answer_key):
            raise ConfigurationError(f"answer_key is {self.answer_key!r}: that is no function")


@dataclass(frozen=True, kw_only=True)
class AdaptiveCall:
    """What is asked, and under which ledger. Made in the context that asks.

    Raises:
        ConfigurationError: the ledger is one that a `token_budget` around knows nothing of.
    """

    settings: Settings
    model: MeteredModel
    home: HomeLoop
    messages: Sequence[BaseMessage]
    stop: Sequence[str]
    arguments: Mapping[str, Any]
    config: RunnableConfig | None
    """For what runs beneath the call; None if that is the caller's own."""
    metadata: Mapping[str, Any]
    budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        budget, around = ledger(self.settings.budget, ensure_config(), running()), guarded()
        if around and not all(budget.inside(other) for other in around.ledgers):
            raise ConfigurationError(
                "this AdaptiveChatModel has a Budget of its own, and a token_budget is around it which would not see "
                "its calls: give the model a number of tokens, a child of that budget, or nothing"
            )
        object.__setattr__(self, "budget", budget)

    def run(self, live: Live | None = None) -> Result:
        """Answer it, blocking.

        Raises:
            BudgetExceededError: the budget has no room for a single call.
            Exception: every call failed; the model's own last error.
        """
        with self._beneath():
            reasoner, step = self._step(self.budget.view(), live, blocking=True)
            try:
                return reasoner.run(step, budget=self.budget)
            except SamplerError as error:
                failure = error
        raise _own(failure)

    async def arun(self, live: Live | None = None) -> Result:
        """`run` on the running event loop."""
        with self._beneath():
            reasoner, step = self._step(await AsyncBudget(self.budget).view(), live, blocking=False)
            try:
                return await reasoner.arun(step, budget=self.budget)
            except SamplerError as error:
                failure = error
        raise _own(failure)

    @contextmanager
    def _beneath(self) -> Iterator[None]:
        token = var_child_runnable_config.set(self.config or var_child_runnable_config.get())
        try:
            with budget_errors(), answering(self.budget):
                yield
        finally:
            var_child_runnable_config.reset(token)

    def _step(self, view: BudgetView, live: Live | None, *, blocking: bool) -> tuple[AdaptiveReasoner, Step]:
        how = self.settings
        sampler = InnerSampler(self.model, self.arguments, home=self.home, blocking=blocking, live=live)
        reasoner = AdaptiveReasoner(
            sampler,
            policy=how.policy,
            estimator=how.estimator,
            max_retries=how.max_retries,
            on_result=how.on_result,
        )
        caps = [cap for cap in (how.max_tokens, self.model.max_tokens(self.arguments)) if cap]
        limited = min(view.remaining.tokens, view.remaining.money) < UNLIMITED // 2
        step = Step(
            tuple(map(from_langchain, self.messages)),
            max_tokens=min(caps, default=MAX_TOKENS if limited else UNCAPPED),
            kind=how.kind,
            temperature=how.temperature,
            stop=tuple(self.stop),
            answer_key=how.answer_key,
            final=how.final or in_final_node(self.metadata),
        )
        return reasoner, step


def _own(failure: SamplerError) -> Exception:
    """The model's own error: whoever calls a chat model knows what to do about that one."""
    return failure.__cause__ if isinstance(failure.__cause__, Exception) else failure
