"""Growing a tree wider or deeper."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import pytest

from tests.strategies.by_hand import PLAIN, simulate
from tts_agent.effects import Generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.strategies import TreeSearch, WiderOrDeeper
from tts_agent.strategies.tree_search import TreeAlgorithm
from tts_agent.verifiers import FunctionVerifier

SCORES = FunctionVerifier(lambda step, sample: float(sample.text), accept_at=2.0)


def world(wide: bool, seed: int) -> Callable[[Generate], SampleBatch]:
    """A question where fresh attempts may hit and refinement only loses, or one where refinement slowly gains."""
    rng = random.Random(seed)

    def model(ask: Generate) -> SampleBatch:
        said = ask.request.messages[1:]
        if wide:
            score = float(said[0].content) * rng.uniform(0.5, 1.0) if said else rng.random() ** 3
        else:
            score = min(1.0, float(said[0].content) + rng.uniform(-0.05, 0.15)) if said else 0.3 * rng.random()
        return SampleBatch((Sample(f"{max(0.0, score):.6f}"),))

    return model


@dataclass
class Asked:
    parent_state: Any
    trial_id: int = 0
    action: str = "attempt"


@dataclass
class FixedPolicy:
    """Expands the root, the latest attempt, or any one by chance."""

    choose: Callable[[random.Random, list[Any]], Any]
    seed: int = 0

    def init_tree(self) -> tuple[random.Random, list[Any]]:
        return random.Random(self.seed), [None]

    def ask_batch(self, state: Any, batch_size: int, actions: list[str]) -> tuple[Any, list[Asked]]:
        return state, [Asked(self.choose(*state)) for _ in range(batch_size)]

    def tell(self, state: Any, trial_id: int, result: tuple[Any, float]) -> Any:
        state[1].append(result[0])
        return state


def found(algorithm: TreeAlgorithm, wide: bool, seed: int, nodes: int = 24) -> float:
    """The best score after so many attempts."""
    outcome = simulate(TreeSearch(SCORES, algorithm, nodes), world(wide, seed), PLAIN).outcome
    return max(float(sample.text) for sample in outcome.samples)


def test_its_regret_is_below_random_growth_and_below_the_wrong_one_of_the_pure_policies() -> None:
    widest, deepest = FixedPolicy(lambda rng, made: None), FixedPolicy(lambda rng, made: made[-1])
    ours, by_chance, pure = [], [], []
    for wide in (True, False):
        for seed in range(40):
            best = found(widest if wide else deepest, wide, seed)
            ours.append(best - found(WiderOrDeeper(seed=seed), wide, seed))
            by_chance.append(best - found(FixedPolicy(lambda rng, made: rng.choice(made), seed), wide, seed))
            pure.append(best - found(deepest if wide else widest, wide, seed))
    for other in (by_chance, pure):
        saved = [theirs - mine for theirs, mine in zip(other, ours, strict=True)]
        assert fmean(saved) > 4.0 * stdev(saved) / len(saved) ** 0.5


def grown(algorithm: WiderOrDeeper, score: Callable[[int], float], n: int, batch: int = 1) -> list[int]:
    """For each node, the number of the node that it was made from; 0 is the root."""
    tree, parents = algorithm.init_tree(), list[int]()
    for _ in range(n // batch):
        tree, trials = algorithm.ask_batch(tree, batch, ["attempt"])
        for trial in trials:
            depth, _ = trial.parent_state or (0, 0)
            parents.append(trial.parent_state[1] if trial.parent_state else 0)
            tree = algorithm.tell(tree, trial.trial_id, ((depth + 1, len(parents)), score(depth + 1)))
    return parents


def test_it_goes_where_the_scores_are() -> None:
    deep = grown(WiderOrDeeper(), lambda depth: min(1.0, 0.15 * depth), 40)
    wide = grown(WiderOrDeeper(), lambda depth: 0.8 if depth == 1 else 0.1, 40)
    assert deep.count(0) < 10
    assert wide.count(0) > 30


@pytest.mark.parametrize("batch", [1, 2])
def test_no_node_has_more_children_than_allowed(batch: int) -> None:
    parents = grown(WiderOrDeeper(max_children=2), lambda depth: 0.5, 30, batch)
    assert max(map(parents.count, parents)) == 2
    assert len(parents) == 30


def test_trials_that_are_never_told_do_no_harm() -> None:
    algorithm = WiderOrDeeper(max_children=1)
    tree, lost = algorithm.ask_batch(algorithm.init_tree(), 2, ["attempt"])
    assert [trial.parent_state for trial in lost] == [None, None]
    tree, (trial,) = algorithm.ask_batch(tree, 1, ["attempt"])
    tree = algorithm.tell(tree, trial.trial_id, ("first", 0.5))
    tree, (trial,) = algorithm.ask_batch(tree, 1, ["attempt"])
    assert trial.parent_state == "first"


def test_it_takes_the_action_that_scores() -> None:
    algorithm, taken = WiderOrDeeper(), list[str]()
    tree = algorithm.init_tree()
    for _ in range(40):
        tree, (trial,) = algorithm.ask_batch(tree, 1, ["weak", "strong"])
        taken.append(trial.action)
        tree = algorithm.tell(tree, trial.trial_id, (None, 0.9 if trial.action == "strong" else 0.2))
    assert taken.count("strong") > 30


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        WiderOrDeeper(max_children=0)
    with pytest.raises(ConfigurationError, match="must count for more"):
        WiderOrDeeper(evidence=0.0)
