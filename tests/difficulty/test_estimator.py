"""The estimator as the rest of the package uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.difficulty.synthetic import HashEncoder, hidden, planted
from tts_agent.difficulty import DifficultyEstimator, Estimator, Label, PredictorCard, SampleSignals, StepText
from tts_agent.difficulty.head_training import HeadSettings
from tts_agent.difficulty.two_stage import FitSettings
from tts_agent.exceptions import ConfigurationError, MissingExtraError
from tts_agent.probability import Beta

FAST = FitSettings(folds=3, one=HeadSettings(hidden=8), two=HeadSettings(hidden=16, learning_rate=1e-2))
SHORT = StepText("Start with 8. Add 5.", "chain", "m")
LONG = StepText("Start with 8. Add 5. Take away 3. Add 91. Add 23. Add 3. Take away 9. Add 8.", "chain", "m")


def test_it_learns_what_the_texts_show(estimator: DifficultyEstimator) -> None:
    scores = estimator.card.before
    stage_one = estimator.card.stage_one
    assert stage_one.spearman is not None
    assert stage_one.spearman > 0.75
    assert stage_one.nll < min(scores[name].nll for name in ("class mean", "length", "shuffled labels"))
    easy, hard = estimator.predict([SHORT, LONG])
    assert easy.mean > 0.75
    assert hard.mean < 0.35


def test_it_is_an_estimator_of_the_contract(estimator: DifficultyEstimator) -> None:
    contract: Estimator = estimator
    (before,) = contract.predict([SHORT])
    assert isinstance(contract.update(SHORT, before, SampleSignals(20, "stop")), Beta)
    assert contract.predict([]) == []


def test_one_step_is_predicted_as_in_a_batch(estimator: DifficultyEstimator) -> None:
    batch = estimator.predict([SHORT, LONG, SHORT])
    alone = [estimator.predict([step])[0] for step in (SHORT, LONG, SHORT)]
    assert [beta.mean for beta in batch] == pytest.approx([beta.mean for beta in alone], abs=1e-4)


def test_threads_may_share_it(estimator: DifficultyEstimator) -> None:
    steps = [replace(SHORT, text=f"Start with {index}. Add 5.") for index in range(12)]
    with ThreadPoolExecutor(4) as pool:
        parallel = [betas[0].mean for betas in pool.map(lambda step: estimator.predict([step]), steps)]
    assert parallel == pytest.approx([beta.mean for beta in estimator.predict(steps)], abs=1e-4)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(StepText, st.text(), st.sampled_from(["default", "?", ""]), st.sampled_from(["a", "b", "?"])),
    st.builds(Beta, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)),
    st.builds(
        SampleSignals,
        st.integers(0, 10**9),
        st.sampled_from(["stop", "length", "unknown"]),
        st.none() | st.floats(-1e3, 0),
        st.booleans(),
        st.none() | st.floats(-1e3, 1e3),
    ),
)
def test_any_step_and_any_sample_give_a_sane_belief(
    blind: DifficultyEstimator, step: StepText, before: Beta, first: SampleSignals
) -> None:
    for belief in (*blind.predict([step]), blind.update(step, before, first)):
        assert 0.001 < belief.mean < 0.999
        assert 0.1 < belief.concentration < 1000


@pytest.fixture(scope="module")
def blind() -> DifficultyEstimator:
    """Two models whose answers to hard questions are long (a) and short (b); texts say nothing."""
    labels = hidden(120, {"a": 1, "b": -1})
    return DifficultyEstimator.fit(labels, encoder=HashEncoder(), settings=FAST)[0]


def test_stage_two_learns_opposite_signs_for_two_models(blind: DifficultyEstimator) -> None:
    text = "amber birch cedar delta ember flint grove haven"
    for model, direction in (("a", 1), ("b", -1)):
        step = StepText(text, "default", model)
        (before,) = blind.predict([step])
        short = blind.update(step, before, SampleSignals(45, "stop")).mean
        long = blind.update(step, before, SampleSignals(220, "stop")).mean
        assert direction * (short - long) > 0.3


def test_stage_two_is_better_than_stage_one_where_the_first_sample_tells(blind: DifficultyEstimator) -> None:
    two = blind.card.stage_two
    assert two is not None
    assert two.nll < blind.card.after["stage one, same rows"].nll - 0.2
    assert two.nll < blind.card.after["shuffled labels"].nll - 0.2


def test_texts_that_say_nothing_are_predicted_by_the_class_mean(blind: DifficultyEstimator) -> None:
    steps = [StepText(f"{word} haven inlet", "default", "a") for word in ("amber", "pearl", "north")]
    (overall,) = {round(float(mean), 6) for mean in blind.learned.means(steps)[:, 0]}
    for belief in blind.predict(steps):
        assert np.log(belief.a / belief.b) == pytest.approx(overall, abs=0.4)


def test_shuffled_labels_give_no_skill_and_are_not_trusted() -> None:
    labels = planted(150)
    outcomes = {label.group: label.total for label in labels}
    other = dict(zip(outcomes, np.random.default_rng(3).permutation(list(outcomes.values())), strict=True))
    mixed = [
        Label(label.text, "all", "m", label.group, int(other[label.group][0]), int(other[label.group][1]))
        for label in labels
    ]
    estimator, card = DifficultyEstimator.fit(mixed, encoder=HashEncoder(), settings=FAST)
    assert card.trust["stage one"] <= 0.3
    assert card.stage_one.nll <= card.before["class mean"].nll + 0.05
    means = [belief.mean for belief in estimator.predict([SHORT, LONG])]
    share = sum(passed for passed, _ in outcomes.values()) / sum(of for _, of in outcomes.values())
    assert means == pytest.approx([share, share], abs=0.1)


def test_an_unknown_model_or_class_gets_an_average(estimator: DifficultyEstimator) -> None:
    known, *unknown = (
        belief.mean
        for belief in estimator.predict(
            [LONG, replace(LONG, model="?"), replace(LONG, kind="?"), replace(LONG, kind="?", model="?")]
        )
    )
    assert unknown == pytest.approx([known] * 3, abs=0.3)
    assert estimator.kinds == ("chain", "sort")
    assert estimator.models == ("m",)


def test_without_first_samples_there_is_no_stage_two() -> None:
    rows = [replace(label, first=None, first_passed=None) for label in planted(60, samples=2)]
    estimator, card = DifficultyEstimator.fit(rows, encoder=HashEncoder(), settings=FAST)
    belief = Beta(2.0, 3.0)
    assert estimator.update(SHORT, belief, SampleSignals(9, "stop")) is belief
    assert card.after == {}
    assert card.stage_two is None
    assert set(card.curves) == {"stage one", "class mean"}


def test_equal_seeds_give_equal_estimators() -> None:
    labels = planted(60, samples=3)
    one, other = (DifficultyEstimator.fit(labels, encoder=HashEncoder(), settings=FAST, seed=5) for _ in range(2))
    assert one[1] == other[1]
    assert one[0].predict([SHORT]) == other[0].predict([SHORT])
    assert one[0].data_hash == other[0].data_hash


@pytest.mark.parametrize("questions", [0, 1, 49])
def test_too_few_questions_are_refused_before_anything_is_encoded(questions: int) -> None:
    encoder = HashEncoder()
    with pytest.raises(ConfigurationError, match=rf"about {questions} different questions .* at least 50"):
        DifficultyEstimator.fit(planted(questions, samples=2), encoder=encoder)
    assert encoder.asked == []


def test_too_few_groups_are_refused() -> None:
    one_group = [replace(label, group="all of them") for label in planted(60, samples=2)]
    with pytest.raises(ConfigurationError, match="in 1 groups"):
        DifficultyEstimator.fit(one_group, encoder=HashEncoder())


def test_the_card_survives_json_and_cards_without_curves_are_read(blind: DifficultyEstimator) -> None:
    values = json.loads(json.dumps(blind.card.to_json()))
    assert PredictorCard.from_json(values) == blind.card
    del values["curves"]
    assert PredictorCard.from_json(values).curves == {}


def test_profiles_are_kept_and_checked(blind: DifficultyEstimator) -> None:
    assert dict(blind.profiles) == {}
    richer = blind.with_profiles({"default": {"theta": 0.5, "tokens": 120, "population": {"weights": [0.5, 0.5]}}})
    assert richer.profiles["default"]["theta"] == 0.5
    assert richer.profiles["default"]["population"] == {"weights": [0.5, 0.5]}
    assert dict(blind.profiles) == {}
    for wrong in (float("nan"), True, "1", [1.0, "1"], {"weights": [float("inf")]}, {1: 2.0}):
        with pytest.raises(ConfigurationError, match=r"theta is .*, not a finite number"):
            blind.with_profiles({"default": {"theta": wrong}})


def test_importing_the_folder_loads_no_numerical_library() -> None:
    code = (
        "import sys, tts_agent.difficulty as d, tts_agent.difficulty.labels\n"
        "print(*{'numpy', 'torch', 'sklearn', 'sentence_transformers'} & set(sys.modules))\n"
        "from tts_agent.difficulty import DifficultyEstimator, PredictorCard, SentenceEncoder\n"
        "import tts_agent.difficulty.persistence\n"
        "print(*{'torch', 'sklearn', 'sentence_transformers'} & set(sys.modules))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []


@pytest.mark.parametrize("missing", ["torch", "sklearn.linear_model"])
def test_training_without_its_packages_names_the_extra(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"tts-agent\[difficulty\]"):
        DifficultyEstimator.fit(planted(60, samples=2), encoder=HashEncoder(), settings=FAST)


def test_a_core_without_numpy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import tts_agent.difficulty

    monkeypatch.delitem(sys.modules, "tts_agent.difficulty.estimator")
    monkeypatch.setitem(sys.modules, "tts_agent.difficulty.arrays", None)
    with pytest.raises(MissingExtraError, match=r"DifficultyEstimator needs the extra 'difficulty'"):
        _ = tts_agent.difficulty.DifficultyEstimator


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    import tts_agent.difficulty

    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = tts_agent.difficulty.Nonsense


def test_more_folds_than_groups_are_refused() -> None:
    labels = [replace(label, group=f"g{int(label.group[1:]) % 10}") for label in planted(80, samples=2)]
    with pytest.raises(ConfigurationError, match="8 groups are left to train on: at least 9 are needed"):
        DifficultyEstimator.fit(labels, encoder=HashEncoder(), settings=replace(FAST, folds=9))


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="seed is -1"):
        DifficultyEstimator.fit(planted(60), encoder=HashEncoder(), seed=-1)
    with pytest.raises(ConfigurationError, match="folds is 2"):
        FitSettings(folds=2)


def test_an_encoder_that_tells_no_texts_apart_does_no_harm() -> None:
    encoder = HashEncoder()
    encoder.encode = lambda texts: np.ones((len(texts), 8), dtype=np.float32)  # type: ignore[method-assign]
    estimator, card = DifficultyEstimator.fit(planted(100, samples=4), encoder=encoder, settings=FAST)
    assert card.stage_one.spearman is not None
    assert card.stage_one.spearman > 0.5  # from the cheap features
    assert estimator.learned.space.directions.shape == (8, 0)
