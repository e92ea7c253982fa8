"""Which ledger the code that runs here is under, and which one a model call made here is already reserved on.

Context variables, so that threads and tasks that copy their context (as LangChain's and ours do) carry them along: the
budget that `token_budget` put around a run; the one of the step being answered; and, inside a sample's own call
alone, the one it is reserved on. A guard that sees every model call skips that kind: it would cost twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar

from tts_agent.budget import Budget

_installed: ContextVar[Budget | None] = ContextVar("tts_agent_installed", default=None)
_step: ContextVar[Budget | None] = ContextVar("tts_agent_step", default=None)
_call: ContextVar[Budget | None] = ContextVar("tts_agent_call", default=None)


def installed() -> Budget | None:
    """The innermost budget around this code, None outside any."""
    return _installed.get()


@contextmanager
def install(budget: Budget) -> Iterator[None]:
    """Put a budget around everything that runs inside, child tasks and threads with a copied context included."""
    token = _installed.set(budget)
    try:
        yield
    finally:
        _installed.reset(token)


@contextmanager
def answering(budget: Budget) -> Iterator[None]:
    """A step is being answered: the driver puts the calls of its samples on this budget."""
    token = _step.set(budget)
    try:
        yield
    finally:
        _step.reset(token)


def mark(context: Context) -> None:
    """Say in a sample's own context that its call is reserved on the step's budget."""
    context.run(_call.set, _step.get())


def is_reserved(budget: Budget) -> bool:
    """Whether the model call being made here is on this ledger already."""
    on = _call.get()
    return on is not None and on.inside(budget)
