"""The guard's ears: callback handlers that LangChain calls around every model call below a `token_budget`."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook

from tts_agent.budget import AsyncBudget, Budget, Busy, Reservation
from tts_agent.nodes.errors import BudgetExceededError
from tts_agent.nodes.guarded_calls import Admission, GuardedCalls, InFlight, enter_call
from tts_agent.nodes.model_calls import ModelCall
from tts_agent.portal import in_event_loop


class Ear(BaseCallbackHandler):
    """Hears of model calls alone. What it raises stops the call."""

    raise_error = True
    ignore_chain = ignore_agent = ignore_retriever = ignore_retry = ignore_custom_event = True


class Book(Ear):
    """Notes where a call begins, in the context of the code that makes it, and settles the call when it ends."""

    run_inline = True

    def __init__(self, calls: GuardedCalls) -> None:
        self.calls = calls

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        enter_call()  # the gate does the rest

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], **about: Any) -> None:
        enter_call()
        self.admit(serialized, [HumanMessage(prompts[0])], prompts=about.get("batch_size", 1), **about)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        self.calls.end(run_id, response)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        self.calls.fail(run_id, error)

    def admission(
        self, serialized: Mapping[str, Any], messages: Sequence[BaseMessage], prompts: int, about: Mapping[str, Any]
    ) -> Admission | None:
        """What the call takes; None when it is on the ledger already, or a guard inside this one will see to it."""
        innermost = _book.get()
        if not (innermost is None or innermost is self) and innermost.calls.charge_for(self.calls):
            return None
        return self.calls.admission(
            ModelCall(
                messages,
                arguments=about.get("invocation_params") or {},
                metadata=about.get("metadata") or {},
                built_with=(serialized or {}).get("kwargs") or {},
                prompts=prompts,
            )
        )

    def admit(
        self,
        serialized: Mapping[str, Any],
        messages: Sequence[BaseMessage],
        *,
        run_id: UUID,
        prompts: int = 1,
        **about: Any,
    ) -> None:
        """Reserve a call, blocking.

        Raises:
            BudgetExceededError: it does not fit, or would have to wait while this thread's event loop stands still.
        """
        admission = self.admission(serialized, messages, prompts, about)
        if admission is None:
            return
        while isinstance(grant := admission.reserve(), Busy):
            if in_event_loop():
                grant.changed.cancel()
                raise BudgetExceededError(
                    "a synchronous model call inside an event loop cannot wait for the calls in flight that hold the "
                    "rest of the budget, which that loop may have to finish: await ainvoke() there"
                )
            grant.changed.result()
        self.calls.begin(run_id, grant, admission.chain)

    async def admit_in_loop(
        self, serialized: Mapping[str, Any], messages: Sequence[BaseMessage], *, run_id: UUID, **about: Any
    ) -> None:
        """The same on an event loop, which goes on meanwhile."""
        admission = self.admission(serialized, messages, 1, about)
        if admission is None:
            return
        while isinstance(grant := await _reserve(admission), Busy):
            await asyncio.wrap_future(grant.changed)
        self.calls.begin(run_id, grant, admission.chain)


class Gate(Ear):
    """Lets a chat model's call through once it is reserved: it waits while others are in the way.

    LangChain's asynchronous managers await coroutine functions; its synchronous ones run a coroutine in a loop of its
    own and swallow what it raises. So what this is depends on who looks it up, a coroutine or not. And it does not run
    inline, as the book does: after an inline handler that raises, LangChain leaves coroutines unawaited.
    """

    ignore_llm = True

    def __init__(self, book: Book) -> None:
        self._book = book

    @property
    def on_chat_model_start(self) -> Callable[..., Any]:
        asynchronous = sys._getframe(1).f_code.co_flags & inspect.CO_COROUTINE
        return self._let_through_in_loop if asynchronous else self._let_through

    def _let_through(self, serialized: Mapping[str, Any], messages: list[list[BaseMessage]], **about: Any) -> None:
        self._book.admit(serialized, messages[0], **about)

    async def _let_through_in_loop(
        self, serialized: Mapping[str, Any], messages: list[list[BaseMessage]], **about: Any
    ) -> None:
        await self._book.admit_in_loop(serialized, messages[0], **about)


async def _reserve(admission: Admission) -> InFlight | Busy:
    """Reserve it; off the loop where that is I/O."""
    stored = next((ledger for ledger in admission.ledgers if ledger.stored), None)
    if stored is None:
        return admission.reserve()
    asked = asyncio.ensure_future(AsyncBudget(stored).off_loop(admission.reserve))
    try:
        return await asyncio.shield(asked)
    except asyncio.CancelledError:
        asked.add_done_callback(_give_back)
        raise


def _give_back(asked: asyncio.Future[InFlight | Busy]) -> None:
    if asked.exception() is None and isinstance(grant := asked.result(), InFlight):
        grant.end(Reservation.release)


_book: ContextVar[Book | None] = ContextVar("tts_agent_book", default=None)
_gate: ContextVar[Gate | None] = ContextVar("tts_agent_gate", default=None)
# In this order: a call is noted before it is let through. Inheritable, so that callbacks that are handed on without
# their context (a config given to a thread) take the guard along.
register_configure_hook(_book, inheritable=True)
register_configure_hook(_gate, inheritable=True)


def guarded() -> GuardedCalls | None:
    """What the innermost guard around this code looks after; None outside any."""
    book = _book.get()
    return book.calls if book else None


def in_final_node(metadata: Mapping[str, Any]) -> bool:
    """Whether a guard is around this code which lets calls of a run with this metadata use its final reserve."""
    calls = guarded()
    return calls is not None and calls.at_the_end(ModelCall((), {}, metadata))


@contextmanager
def guarding(budget: Budget, final_nodes: frozenset[str], max_output_tokens: int | None) -> Iterator[None]:
    """Put a guard around everything that runs inside. What is in flight at the end is charged in full."""
    calls = GuardedCalls(budget, around=guarded(), final_nodes=final_nodes, max_output_tokens=max_output_tokens)
    book = Book(calls)
    tokens = _book.set(book), _gate.set(Gate(book))
    try:
        yield
    finally:
        _book.reset(tokens[0])
        _gate.reset(tokens[1])
        calls.abandon()
