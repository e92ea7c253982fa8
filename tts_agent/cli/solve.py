"""`tts-agent solve`: one question, answered with as much compute as it is worth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from tts_agent.budget import Budget
from tts_agent.cli import options, resolve
from tts_agent.cli.explain import explain as explanation
from tts_agent.events import to_dict
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.reasoner import AdaptiveReasoner, Result
from tts_agent.routing import ClassProfile, Fixed, MarginalValue
from tts_agent.step import Step
from tts_agent.verifiers import AcceptRates


def solve(
    question: Annotated[str, typer.Argument(help='The question; "-" reads it from standard input.')],
    model: options.Model = resolve.EMBEDDED,
    base_url: options.BaseUrl = None,
    budget: Annotated[int | None, typer.Option(help="Most tokens to spend, input and output: a hard cap.")] = None,
    price: Annotated[
        float | None, typer.Option(help="Price of a token; 1/price tokens are worth one correct answer.")
    ] = None,
    max_tokens: options.MaxTokens = None,
    temperature: options.Temperature = None,
    estimator: Annotated[
        str, typer.Option(help="Difficulty estimator: 'auto', 'none', the folder of a saved one, or a plug-in's name.")
    ] = "auto",
    strategy: Annotated[
        str | None, typer.Option(help="Always this one (`tts-agent strategies`), and no weighing of prices.")
    ] = None,
    verifier: Annotated[
        str | None, typer.Option(help="What the strategy verifies with (`tts-agent verifiers`).")
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(help="profile.json of `tts-agent profile`: what was measured of each class of steps.")
    ] = None,
    seed: options.Seed = None,
    explain: Annotated[bool, typer.Option("--explain", help="Print what was decided, and why.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Answer QUESTION. Example: tts-agent solve "Start with 47. Add 38. What is the result?" --explain"""
    text = resolve.question(question)
    if max_tokens is not None and max_tokens < 1:
        raise ConfigurationError(f"--max-tokens is {max_tokens}: at least 1 is needed")
    if verifier is not None and strategy is None:
        raise ConfigurationError("--verifier needs --strategy: name the strategy that is to use it")
    for name, value in (("--price", price), ("--profile", profile)):
        if value is not None and strategy is not None:
            raise ConfigurationError(f"{name} has no say where --strategy is given: leave one of them out")
    chosen = None if strategy is None else Fixed(resolve.strategy(strategy, verifier))
    known = None if profile is None else resolve.profile(profile, model)
    ledger = Budget(budget)
    sampler, predictor = resolve.sampler(model, base_url), resolve.estimator(estimator, model)
    profiles = known.profiles if known else resolve.stored_profiles(predictor)
    predictor = known.estimator(predictor) if known else predictor
    if model == resolve.EMBEDDED:
        from tts_agent.embedded.defaults import embedded_policy, embedded_step

        step = embedded_step(text, seed=seed, max_tokens=max_tokens, temperature=temperature)
        if known and known.classes:
            step = replace(step, kind="default")  # its families are no classes of this profile
        policy = chosen or embedded_policy(price, profiles)
    else:
        step = Step((user(text),), max_tokens=max_tokens or 1024, temperature=temperature, seed=seed)
        policy = chosen or _marginal(price, profiles, known.rates if known else {})
    reasoner = AdaptiveReasoner(sampler, policy=policy, estimator=predictor)
    result = reasoner.run(step, budget=ledger)
    if as_json:
        print(json.dumps(_summary(result), ensure_ascii=False, indent=2))
        return
    print(result.text)
    if explain:
        explanation(result, budget)


def _marginal(
    price: float | None, profiles: Mapping[str, ClassProfile] | None, rates: Mapping[str, AcceptRates]
) -> MarginalValue:
    policy = MarginalValue(profiles=profiles or {}, rates=rates)
    return policy if price is None else replace(policy, price=price)


def _summary(result: Result) -> dict[str, object]:
    outcome = result.outcome
    return {
        "text": result.text,
        "answer": outcome.answer,
        "strategy": outcome.strategy,
        "stop": outcome.stop,
        "p_correct": outcome.p_correct,
        "votes": {str(answer): count for answer, count in outcome.votes.items()},
        "tokens": result.spent.tokens,
        "calls": result.spent.calls,
        "events": [to_dict(event) for event in result.events],
    }
