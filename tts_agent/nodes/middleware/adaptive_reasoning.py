"""Middleware for `create_agent`: in place of each call of the agent's model, as many as the step is worth."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any, cast, get_args

from langchain.agents.middleware.types import (
    AgentMiddleware,
    ExtendedModelResponse,
    ModelRequest,
    ModelResponse,
)
from langchain_core.messages import HumanMessage
from langchain_core.runnables.config import ensure_config
from langgraph.runtime import Runtime
from langgraph.types import Command

from tts_agent import answers
from tts_agent.answers import AnswerKey
from tts_agent.budget import Amount, Budget, Pacer, Steps, notice
from tts_agent.difficulty import Estimator
from tts_agent.exceptions import BudgetExhausted, ConfigurationError
from tts_agent.nodes.arguments import check, having, switches
from tts_agent.nodes.binding import chat_model
from tts_agent.nodes.capping import cap_names
from tts_agent.nodes.errors import budget_errors
from tts_agent.nodes.guard import in_final_node
from tts_agent.nodes.middleware import attempts, run_state
from tts_agent.nodes.middleware.agent_steps import AgentStep, AgentSteps
from tts_agent.nodes.middleware.attempts import Ask, Attempt, Attempts
from tts_agent.nodes.middleware.blueprint import blueprint
from tts_agent.nodes.middleware.exits import ExitBehavior, LastAnswer, OpenItems, ended, last_request, room_for
from tts_agent.nodes.middleware.handler_sampler import Handler
from tts_agent.nodes.middleware.kinds import kind_of
from tts_agent.nodes.middleware.responses import vote_key, winner
from tts_agent.nodes.middleware.run_ledgers import Funds, RunLedgers
from tts_agent.nodes.middleware.run_state import AdaptiveState
from tts_agent.nodes.policies import PolicyName, policy_of
from tts_agent.nodes.replies import METADATA_KEY, summary
from tts_agent.nodes.wind_down import open_todos
from tts_agent.reasoner import AdaptiveReasoner, Result
from tts_agent.routing import Policy
from tts_agent.verifiers import Verifier


class AdaptiveReasoning(AgentMiddleware[AdaptiveState, Any, Any]):
    """Answers each step of an agent with as much compute as it is worth, under a budget that is a hard cap.

    `create_agent(model, tools, middleware=[..., AdaptiveReasoning(budget=50_000)])`: last in the list, so that nothing
    else is repeated when samples are drawn. Proposed tool calls are voted on, or verified, before any of them runs;
    the winning response is passed on whole, as the model gave it, with what was decided in
    `response_metadata["tts_agent"]`, on the custom stream, and in a private log in the agent's state. The other samples
    are traced, and counted by usage callbacks, but neither streamed nor put into the state. A step that is given a
    single call outright streams it live, and is otherwise as it would be without this middleware.

    Args:
        policy: chooses the strategy of each step; or the name of one, see `policies.policy_of`.
        estimator: predicts pass@1 before the first call.
        verifier: for a policy given by name.
        budget: a number of tokens for each run, which is kept across interrupts and resumes; or a `Budget`, shared with
            whatever else uses it. Around `token_budget`, a number narrows that one. A run can bring its own as
            `tts_budget`: see `budgets.ledger`.
        pace: of each run: prices its tokens so that the steps to come fit in (`routing.Pace(steps=12)`); see
            docs/research.md. A pace around (`token_budget`) holds beside it.
        exit_behavior: what happens when the budget has no room for a step. "finalize": one last call without
            tools answers with what is known; a number leaves room for it, a `Budget` what its `reserve_final` says.
            "end": a message says so, and the agent ends. "error": `BudgetExceededError`; also where the last call does
            not fit, or the message does not end an agent that insists on structured output.
        open_items: from the agent's state to what is left undone, which the last answer is asked to name; by default
            the open entries of a to-do list (`TodoListMiddleware`, deepagents).
        tell_budget: end every prompt with what is left of the budget, in round numbers (see `budget.notice`), so that
            the model can plan for it. The conversation does not keep it.
        max_samples: most samples of a step, for a policy given by name.
        max_tokens: most output tokens of a sample; by default the model's own limit, else 4096 where there is a budget
            to keep and none where there is not.
        temperature: for every sample; None leaves the model's own. Voting needs samples that differ.
        kind: class of step, or a function from the request to it; what is learned is learned per class.
        answer_key: what counts as the same answer where samples say something instead of calling tools.
        ignore_arguments: names of arguments of tools, and of fields of structured outputs, that votes ignore.
        max_retries: further tries of a call that failed but may succeed, each on the ledger; the model's own retries
            are off.
        max_tokens_field: the model's field or call argument that caps its output, where it is none of the usual ones.
        use_n: draw samples that are wanted together with one request and the field `n`, where the model has it: the
            prompt is paid once, and in traces they are one run. An endpoint that refuses or ignores it is noticed.
            Not for structured output.
        innermost: whether to insist on being the last middleware that wraps model calls. Switch it off where a
            framework puts harmless ones behind (deepagents: caching of prompts); one that calls models itself, or
            returns a `Command`, would do so for every sample, and LangGraph may refuse the update.
        on_result: is shown every `Result`, for recording.

    Raises:
        ConfigurationError: an argument is wrong (now); the middleware is not innermost, or the output of the agent's
            model cannot be capped (in `create_agent`, or for a model that comes later at its first step, before any
            call).

    Errors of the model are raised as they are when every call of a step failed; they never become messages.
    """

    state_schema = AdaptiveState

    def __init__(
        self,
        *,
        policy: Policy | PolicyName = "auto",
        estimator: Estimator | None = None,
        verifier: Verifier | None = None,
        budget: Budget | int | None = None,
        pace: Pacer | None = None,
        exit_behavior: ExitBehavior = "finalize",
        open_items: OpenItems = open_todos,
        tell_budget: bool = False,
        max_samples: int = 8,
        max_tokens: int | None = None,
        temperature: float | None = None,
        kind: str | Callable[[ModelRequest[Any]], str] = kind_of,
        answer_key: AnswerKey = answers.auto,
        ignore_arguments: Collection[str] = (),
        max_retries: int = 2,
        max_tokens_field: str | None = None,
        use_n: bool = False,
        innermost: bool = True,
        on_result: Callable[[Result], None] | None = None,
    ) -> None:
        super().__init__()
        check(
            estimator=estimator,
            budget=budget,
            temperature=temperature,
            max_retries=max_retries,
            max_tokens_field=max_tokens_field,
            on_result=on_result,
        )
        switches(tell_budget=tell_budget, use_n=use_n, innermost=innermost)
        if exit_behavior not in get_args(ExitBehavior):
            raise ConfigurationError(
                f"exit_behavior is {exit_behavior!r}: give one of {', '.join(get_args(ExitBehavior))}"
            )
        self._policy = policy_of(policy, verifier, max_samples)
        self._estimator = estimator
        self._max_retries = max_retries
        having(pace, "pace", "price")
        self._ledgers = RunLedgers(budget, pace)
        if not callable(open_items):
            raise ConfigurationError(f"open_items is {open_items!r}: that is no function")
        self._exit = exit_behavior
        self._open_items = open_items
        self._tell_budget = tell_budget
        self._steps = AgentSteps(
            max_tokens=max_tokens,
            max_tokens_field=max_tokens_field,
            use_n=use_n,
            temperature=temperature,
            kind=kind,
            answer_key=vote_key(answer_key, ignore_arguments),
        )
        self._max_tokens_field = max_tokens_field
        self._innermost = innermost
        self._on_result = on_result

    @property
    def name(self) -> str:
        """The class's name. `create_agent` asks for it while it builds: what can be known by then is refused here.

        Raises:
            ConfigurationError: the agent being built puts other middleware behind, or its model cannot be capped.
        """
        plan = blueprint(self)
        if plan:
            if self._innermost and plan.behind:
                raise ConfigurationError(_NOT_INNERMOST)
            cap_names(chat_model(plan.model), self._max_tokens_field)
        return super().name

    def before_agent(self, state: AdaptiveState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Begin a run. One that is resumed does not pass here again, and goes on with its ledger."""
        return {run_state.RUN: run_state.begun()}

    async def abefore_agent(self, state: AdaptiveState, runtime: Runtime[Any]) -> dict[str, Any]:
        """`before_agent`."""
        return self.before_agent(state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ExtendedModelResponse[Any]:
        """Answer one step."""
        return attempts.run(self._answer(request, handler, blocking=True))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ExtendedModelResponse[Any]:
        """Answer one step."""
        return await attempts.arun(self._answer(request, handler, blocking=False))

    def _answer(
        self, request: ModelRequest[Any], handler: Handler, *, blocking: bool
    ) -> Attempts[ExtendedModelResponse[Any]]:
        """The attempts at one step: as the policy decides, then, if the budget has no room for that, a last answer."""
        if self._innermost and _is_composed(handler):
            raise ConfigurationError(_NOT_INNERMOST)
        run: dict[str, Any] = cast(AdaptiveState, request.state).get(run_state.RUN) or run_state.begun()
        ledger = self._ledgers.of(run["id"], request.runtime)
        funds: Funds = yield Ask(ledger.budget, lambda: ledger.funds(run_state.spent(run), run_state.steps(run)))
        make = partial(self._steps.of, handler=handler, blocking=blocking, capped=funds.capped)
        with budget_errors():
            told = notice(funds.view) if self._tell_budget else None
            asked = make(
                request, final=in_final_node(ensure_config()["metadata"]), aside=[HumanMessage(told)] if told else []
            )
            budget, closing = ledger.budget, last_request(request, self._open_items)
            try:
                if ledger.own and self._exit == "finalize":
                    budget = budget.child(funds.leaving(room_for(make(closing, within=request), funds)))
                result: Result = yield Attempt(self._reasoner(asked, self._policy, self._estimator), asked.step, budget)
            except BudgetExhausted as error:
                if self._exit == "error":
                    raise
                if self._exit == "end":
                    return ended(request, error)
                last = make(closing, within=request, final=True)
                result = yield Attempt(self._reasoner(last, LastAnswer(str(error))), last.step, ledger.budget)
            spent: Amount = yield Ask(ledger.budget, lambda: ledger.budget.spent)
            steps: Steps = (yield Ask(ledger.budget, lambda: ledger.budget.steps)) if ledger.budget.paced else Steps()
        record = {**summary(result), "kind": result.step.kind}
        request.runtime.stream_writer({METADATA_KEY: record})
        if self._on_result:
            self._on_result(result)
        return ExtendedModelResponse(winner(result), Command(update=run_state.update(run, spent, steps, record)))

    def _reasoner(self, asked: AgentStep, policy: Policy, estimator: Estimator | None = None) -> AdaptiveReasoner:
        return AdaptiveReasoner(asked.sampler, policy=policy, estimator=estimator, max_retries=self._max_retries)


def _is_composed(handler: Handler) -> bool:
    """Whether calling it goes through further middleware. LangChain tells by no other sign than the function's name."""
    return "_chain_" in getattr(handler, "__qualname__", "")


_NOT_INNERMOST = (
    "AdaptiveReasoning must come last in middleware=[...]: what wraps model calls behind it would run once for every "
    "sample (where that does no harm, say so with innermost=False)"
)
