"""What a provider's chat model builds around itself (tools bound, output parsed), around another model instead."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import Runnable, RunnableBinding, RunnableParallel, RunnableSequence

AnyRunnable = Runnable[Any, Any]


def rebuilt(runnable: AnyRunnable, old: AnyRunnable, new: AnyRunnable) -> AnyRunnable:
    """A copy with `new` in the place of the very object `old`, in bindings, sequences and parallel branches."""
    if runnable is old:
        return new
    match runnable:
        case RunnableBinding():
            return runnable.model_copy(update={"bound": rebuilt(runnable.bound, old, new)})
        case RunnableSequence():
            return RunnableSequence(*(rebuilt(step, old, new) for step in runnable.steps), name=runnable.name)
        case RunnableParallel():
            branches = {name: rebuilt(branch, old, new) for name, branch in runnable.steps__.items()}
            return runnable.model_copy(update={"steps__": branches})
    return runnable
