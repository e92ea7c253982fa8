"""One cap on every model call of a run: `with token_budget(50_000): agent.invoke(...)`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from decimal import Decimal
from types import TracebackType
from typing import Any

from tts_agent.budget import Budget, Pacer, Tariff
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.arguments import having, whole
from tts_agent.nodes.budgets import checked
from tts_agent.nodes.errors import budget_errors
from tts_agent.nodes.guard import guarding
from tts_agent.nodes.metering import install, installed


class token_budget:  # noqa: N801 - used as a function is, in a `with` statement
    """Puts every model call that is made inside on one ledger: agents', tools', summarizers', sub-agents'.

    A context manager, synchronous and asynchronous, that gives the `Budget`. A call is reserved at its upper bound
    before it is sent, waits while only calls in flight are in the way, and is refused with `BudgetExceededError`
    where it can never fit; it is settled with what its provider reports, and charged in full where nobody can know
    (cancelled, failed, no usage). See docs/token-budget.md for what the cap does not see.

    Args:
        limit: most tokens, input and output; None where only other limits count; or a `Budget` to share, which the
            other limits narrow. Inside another `token_budget` a number makes a child of its budget.
        calls: most completions.
        money: most US dollars.
        seconds: wall-clock time, from entering, in which calls may be made. Calls in flight are not cut off.
        least: tokens that this one can count on, for a sub-agent beside others: as long as it runs nobody else under
            the budget around can spend what its minimum still lacks (`Budget.grant`).
        reserve_final: tokens that are kept for calls of the `final_nodes`.
        pace: prices the tokens so that the steps to come fit in, for every policy inside that has a price
            (`routing.Pace(steps=12)`); see docs/research.md.
        final_nodes: names of graph nodes whose calls, and those of graphs inside them, may use that reserve.
        max_output_tokens: the most output tokens of calls that set no cap of their own, as their provider enforces it.
            Without it such calls are refused: the guard sees calls and cannot change them.
        tariffs: prices by model name, for `money`; a `Budget` given as `limit`, or around, has its own.

    Raises:
        ConfigurationError: an argument is wrong (now).
    """

    def __init__(
        self,
        limit: Budget | int | None,
        *,
        calls: int | None = None,
        money: float | Decimal | None = None,
        seconds: float | None = None,
        least: int = 0,
        reserve_final: int = 0,
        pace: Pacer | None = None,
        final_nodes: Iterable[str] = (),
        max_output_tokens: int | None = None,
        tariffs: Mapping[str, Tariff] | None = None,
    ) -> None:
        self._final_nodes = _names(final_nodes)
        if max_output_tokens is not None:
            checked(max_output_tokens, "max_output_tokens")
        self._max_output_tokens = max_output_tokens
        self._shared = limit if isinstance(limit, Budget) else None
        if self._shared is None and limit is not None:
            checked(limit, "the limit of a token_budget", "or a tts_agent.Budget, or None")
        tokens = None if isinstance(limit, Budget) else limit
        if calls is not None:
            whole(calls, "calls", least=1)
        for name, value in (("money", money), ("seconds", seconds)):
            if value is not None and not isinstance(value, int | float | Decimal):
                raise ConfigurationError(f"{name} is {value!r}: give a number above 0")
        whole(reserve_final, "reserve_final", least=0)
        if reserve_final and tokens is None:
            raise ConfigurationError(
                f"reserve_final is {reserve_final}, and there is no number of tokens to keep it from: give one as the "
                "limit, or share a Budget(tokens, reserve_final=...)"
            )
        self._limits: dict[str, Any] = {"tokens": tokens, "calls": calls, "money": money, "seconds": seconds}
        having(pace, "pace", "price")
        self._limits |= {"reserve_final": reserve_final, "pace": pace}
        if tariffs is not None:
            _check_tariffs(tariffs)
        self._tariffs = tariffs
        self._least = whole(least, "least", least=0)
        self._inside = ExitStack()
        self._entered = False
        Budget(**self._limits, tariffs=tariffs)  # says what is wrong with them

    def __enter__(self) -> Budget:
        if self._entered:
            raise ConfigurationError("this token_budget is in use: make one for each run, token_budget(...)")
        budget = self._budget()
        self._entered = True
        self._inside.enter_context(install(budget))
        self._inside.enter_context(guarding(budget, self._final_nodes, self._max_output_tokens))
        return budget

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered = False
        self._inside.close()

    async def __aenter__(self) -> Budget:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _budget(self) -> Budget:
        around = self._shared or installed()
        if around is None:
            if self._least:
                raise ConfigurationError(
                    f"least is {self._least}: it is kept by the budget around, and there is none; give a Budget as the "
                    "limit, or put a token_budget around"
                )
            return Budget(**self._limits, tariffs=self._tariffs)
        if self._least:
            with budget_errors():
                return self._inside.enter_context(around.grant(**self._limits, least=self._least))
        return around.child(**self._limits) if any(self._limits.values()) else around


def _names(nodes: object) -> frozenset[str]:
    if isinstance(nodes, str):
        raise ConfigurationError(f"final_nodes is {nodes!r}: give a tuple of names, ({nodes!r},)")
    if not isinstance(nodes, Iterable) or not _all(names := tuple(nodes), str):
        raise ConfigurationError(f"final_nodes is {nodes!r}: give a tuple of names of graph nodes")
    return frozenset(names)


def _check_tariffs(tariffs: object) -> None:
    if not isinstance(tariffs, Mapping) or not _all(tariffs.values(), Tariff):
        raise ConfigurationError(f"tariffs is {tariffs!r}: give a tts_agent.budget.Tariff for each name of a model")


def _all(values: Iterable[object], kind: type) -> bool:
    return all(isinstance(value, kind) for value in values)
