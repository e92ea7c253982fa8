"""Classes found in texts: as many as other texts confirm, and a new text goes to its own or to none."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import numpy.typing as npt
import pytest

from tts_agent.difficulty import SentenceEncoder, StepText
from tts_agent.difficulty.class_names import class_names
from tts_agent.difficulty.classifying import ClassifyingEstimator
from tts_agent.difficulty.clustering import FoundClasses, find_classes
from tts_agent.difficulty.step_classes import StepClasses
from tts_agent.embedded.problems import LEVELS
from tts_agent.embedded.tasks import FAMILIES, Split, stream
from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta

TASKS = ("lookup", "countdown", "sort")


class Blobs:
    """An encoder of texts such as "2 beta": a place on the axis of that number, with noise of the text's own."""

    id = "blobs"

    def __init__(self, noise: float = 0.1) -> None:
        self.noise = noise
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.asked += texts
        rows = np.stack([np.random.default_rng(list(text.encode())).normal(0.0, self.noise, 8) for text in texts])
        for row, text in zip(rows, texts, strict=True):
            row[int(text.split()[0])] += 1.0
        unit: npt.NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


def words(blobs: int, each: int) -> list[str]:
    return [f"{blob} {['alpha', 'beta', 'gamma'][blob]} {number}" for number in range(each) for blob in range(blobs)]


def found(blobs: int = 3, each: int = 30) -> FoundClasses:
    classes = find_classes(words(blobs, each), Blobs())
    assert classes is not None
    return classes


def test_as_many_classes_are_found_as_there_are_and_named_by_what_tells_them_apart() -> None:
    classes = found()
    assert sorted(classes.classes.names) == ["alpha", "beta", "gamma"]
    assert [kind == text.split()[1] for kind, text in zip(classes.kinds, words(3, 30), strict=True)] == [True] * 90
    assert classes.strength == pytest.approx(1.0)
    assert [text.split()[1] for text in classes.typical] == list(classes.classes.names)


def test_one_cloud_is_one_class_and_so_is_what_would_leave_classes_of_a_few() -> None:
    assert find_classes(words(1, 120), Blobs(1.0)) is None
    assert find_classes(words(3, 12), Blobs()) is None


def test_a_number_that_is_wanted_is_taken() -> None:
    classes = find_classes(words(3, 5), Blobs(), number=2)
    assert classes is not None
    assert len(classes.classes.names) == 2
    assert classes.strength is None
    assert find_classes(words(3, 30), Blobs(), number=1) is None
    for number in (0, 16):
        with pytest.raises(ConfigurationError, match="different texts"):
            find_classes(words(3, 5), Blobs(), number=number)


def test_classes_stored_as_json_say_the_same() -> None:
    classes = found().classes
    again, new = StepClasses.from_json(classes.to_json()), Blobs().encode(["0 new", "1 new", "7 far from all"])
    assert again.of(new) == classes.of(new) == ["alpha", "beta", None]
    with pytest.raises(ValueError, match="different names"):
        StepClasses.from_json({**classes.to_json(), "found": classes.to_json()["found"][:1] * 2})


def test_names_are_different_and_there_is_one_for_texts_without_words() -> None:
    assert class_names([["12 + 7"], ["3 - 1"], ["add it"]]) == ("other", "other 2", "add")


def test_a_step_without_a_class_gets_the_nearest_and_one_with_a_class_keeps_it() -> None:
    estimator = ClassifyingEstimator(found().classes, beliefs={"beta": Beta(3.0, 1.0)}, encoder=Blobs())
    assert estimator.kind(StepText("1 new")) == "beta"
    assert estimator.kind(StepText("1 new", kind="user turn")) == "beta"
    assert estimator.kind(StepText("1 new", kind="plan")) == "plan"
    assert estimator.kind(StepText("7 far from all")) == "default"
    assert estimator.predict([StepText("", kind="beta"), StepText("")]) == [Beta(3.0, 1.0), Beta(1.0, 1.0)]


def test_another_encoder_than_that_of_the_classes_is_refused() -> None:
    other = Blobs()
    other.id = "others"
    with pytest.raises(ConfigurationError, match="found with the encoder 'blobs'"):
        ClassifyingEstimator(found().classes, encoder=other)


def problems(seed: int, each: int) -> list[tuple[str, str]]:
    """Different questions, with the task that each is of, tasks in turn."""
    chance, found = Random(seed), []
    streams = {
        name: [stream(Random(f"{seed} {name} {level}"), name, level, Split.TUNING) for level in LEVELS[name]]
        for name in TASKS
    }
    assert set(streams) <= set(FAMILIES)
    for _ in range(each):
        found += [(name, next(chance.choice(streams[name])).question) for name in TASKS]
    return found


def test_tasks_are_found_in_the_sentences_of_their_questions(minilm: SentenceEncoder) -> None:
    seen = problems(1, 20)
    classes = find_classes([question for _, question in seen], minilm)
    assert classes is not None
    meant = dict(zip((task for task, _ in seen), classes.kinds, strict=True))
    assert len(set(meant.values())) == len(TASKS)
    assert list(classes.kinds) == [meant[task] for task, _ in seen]
    new = problems(2, 10)
    told = classes.classes.of(minilm.encode([question for _, question in new]))
    assert sum(meant[task] == kind for (task, _), kind in zip(new, told, strict=True)) >= 27
    (stranger,) = classes.classes.of(minilm.encode(["Please write a sonnet about the sea in winter."]))
    assert stranger is None
