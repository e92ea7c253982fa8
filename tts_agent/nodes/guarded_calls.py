"""Model calls under a guard: each is reserved before it is sent, and settled however it ends."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

from langchain_core.outputs import LLMResult

from tts_agent.budget import Amount, Ask, Budget, Busy, Reservation
from tts_agent.exceptions import BudgetExhausted, ConfigurationError
from tts_agent.nodes.errors import as_failure, budget_errors
from tts_agent.nodes.metering import is_reserved
from tts_agent.nodes.model_calls import ModelCall, bill, from_cache
from tts_agent.nodes.prompt_bound import PromptBound

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class InFlight:
    """A call that was admitted, and what is held for it."""

    call: ModelCall
    held: tuple[Reservation, ...]
    ledgers: tuple[Budget, ...]
    """Where it is held."""
    after: ExitStack = field(default_factory=ExitStack)
    """What to do when it has ended."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self, ending: Callable[[Reservation], Amount]) -> bool:
        """End what is held, once: whoever comes first. False when it had ended."""
        with self._lock:
            held, self.held = self.held, ()
        for reservation in held:
            ending(reservation)
        self.after.close()
        return bool(held)

    def abandon(self, _: object = None) -> bool:
        """Charge it in full: nobody can know what was billed. False when it had ended."""
        return self.end(Reservation.forfeit)


@dataclass(slots=True)
class CallChain:
    """The calls that led here: those that this code's own task or thread, or a caller of theirs, began.

    While this code waits, none of them can end.
    """

    task: asyncio.Task[object] | None = None
    """The one that makes the call. A cancelled call ends with its task, and LangChain tells nobody."""
    calls: list[InFlight] = field(default_factory=list)

    def abandon(self) -> bool:
        """Charge the oldest in flight in full: it was cancelled, or waits for this code. False when there is none."""
        return any(call.abandon() for call in self.calls)


_chain: ContextVar[CallChain | None] = ContextVar("tts_agent_call_chain", default=None)


def enter_call() -> None:
    """Begin a link of the chain, in the context of the code that makes the call."""
    above = _chain.get()
    try:
        task = asyncio.current_task()
    except RuntimeError:  # there is no event loop in this thread
        task = None
    _chain.set(CallChain(task, [call for call in above.calls if call.held] if above else []))


@dataclass(frozen=True, slots=True)
class Admission:
    """A call that wants to be let through, and what that takes."""

    call: ModelCall
    ask: Ask
    ledgers: tuple[Budget, ...]
    chain: CallChain

    def reserve(self) -> InFlight | Busy:
        """Reserve it on every ledger, or on none.

        Raises:
            BudgetExceededError: it does not fit, now or later.
            ConfigurationError: money is limited, and nobody gave a price for the model.
        """
        held: list[Reservation] = []
        try:
            with budget_errors():
                for ledger in self.ledgers:
                    grant = ledger.reserve(self.ask)
                    while isinstance(grant, Busy) and self.chain.abandon():
                        grant = ledger.reserve(self.ask)
                    if isinstance(grant, Busy):
                        _release(held)
                        return grant
                    held.append(grant)
                    if grant.n < self.ask.n:
                        raise BudgetExhausted(f"a call for {self.ask.n} completions does not fit the budget")
        except BaseException:
            _release(held)
            raise
        return InFlight(self.call, tuple(held), self.ledgers)


class GuardedCalls:
    """The calls of everything that runs under one `token_budget`.

    Args:
        budget: the ledger they are on.
        around: those of the guard around this one. Its ledgers are charged too, where `budget` is not inside them.
        final_nodes: graph nodes whose calls may use the final reserve.
        max_output_tokens: stands in for the cap of calls that set none.
    """

    def __init__(
        self,
        budget: Budget,
        *,
        around: GuardedCalls | None = None,
        final_nodes: frozenset[str] = frozenset(),
        max_output_tokens: int | None = None,
    ) -> None:
        outer = around.ledgers if around else ()
        self.ledgers: tuple[Budget, ...] = (budget, *(ledger for ledger in outer if not budget.inside(ledger)))
        self._final_nodes: frozenset[str] = final_nodes | (around._final_nodes if around else frozenset())
        self._max_output_tokens: int | None = max_output_tokens or (around._max_output_tokens if around else None)
        self._bounds: dict[str, PromptBound] = around._bounds if around else {}
        self._repeating: set[str] = around._repeating if around else set()
        self._in_flight: dict[UUID, InFlight] = {}

    def charge_for(self, other: GuardedCalls) -> bool:
        """Whether what is admitted here is charged to every ledger of the other."""
        return all(any(mine.inside(theirs) for mine in self.ledgers) for theirs in other.ledgers)

    def admission(self, call: ModelCall) -> Admission | None:
        """What a call takes, read in the context that makes it; None when somebody else reserves it.

        Raises:
            BudgetExceededError: nothing bounds it.
        """
        ledgers = tuple(ledger for ledger in self.ledgers if not is_reserved(ledger))
        if not ledgers or call.adaptive:
            return None
        if call.repeats and call.model not in self._repeating:
            self._repeating.add(call.model)
            log.warning(
                "%s may repeat failed requests inside a call, where no budget sees it: give it max_retries=0 (and "
                "use with_retry(), whose repeats are on the ledger)",
                call.model or "a model",
            )
        cap = call.max_tokens(self._max_output_tokens)
        prompt = self._bound(call)(call.messages, call.arguments)
        ask = Ask(prompt, call.n, cap, min_tokens=cap, final=self.at_the_end(call), model=call.model)
        return Admission(call, ask, ledgers, _chain.get() or CallChain())

    def at_the_end(self, call: ModelCall) -> bool:
        """Whether it may use the final reserve."""
        return call.at(self._final_nodes)

    def begin(self, run: UUID, admitted: InFlight, chain: CallChain) -> None:
        """The call is made now."""
        chain.calls.append(admitted)
        self._in_flight[run] = admitted
        admitted.after.callback(self._in_flight.pop, run, None)
        if chain.task:
            chain.task.add_done_callback(admitted.abandon)
            admitted.after.callback(chain.task.remove_done_callback, admitted.abandon)

    def end(self, run: UUID, result: LLMResult) -> None:
        """The call came back: charge what its provider reported, else everything that is held for it."""
        ended = self._in_flight.get(run)
        if ended is None:
            return
        billed = bill(result)
        if from_cache(result):
            ended.end(Reservation.release)
        elif billed is None:
            ended.abandon()
        elif ended.call.prompts > 1:
            # The first of several prompts reports the bill of all; the others report none, and are charged in full.
            ended.end(lambda held: held.settle(min(billed.total, held.cost.tokens)))
        else:
            ended.end(lambda held: held.settle(billed))
            for ledger in ended.ledgers:
                if ledger.paced:
                    ledger.finished(ended.call.kind, Amount(billed.total, ended.call.n))
            if ended.call.n == 1:
                self._bound(ended.call).learn(ended.call.messages, ended.call.arguments, billed.input_tokens)

    def fail(self, run: UUID, error: BaseException) -> None:
        """The call failed: charge it in full unless it certainly was not billed."""
        failed = self._in_flight.get(run)
        if failed is not None:
            refused = isinstance(error, BudgetExhausted | ConfigurationError)
            failed.end(Reservation.release if refused or not as_failure(error).billed else Reservation.forfeit)

    def abandon(self) -> None:
        """Charge every call in flight in full: nobody waits for its reply any more."""
        for call in list(self._in_flight.values()):
            call.abandon()

    def _bound(self, call: ModelCall) -> PromptBound:
        return self._bounds.setdefault(call.model, PromptBound())


def _release(held: list[Reservation]) -> None:
    while held:
        held.pop().release()
