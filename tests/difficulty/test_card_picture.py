"""The picture of a card is drawn for one stage and for two, and is the same each time."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

from matplotlib.image import imread

from tts_agent.difficulty import PredictorCard
from tts_agent.difficulty.card_picture import png
from tts_agent.difficulty.curves import Bin, Curves
from tts_agent.difficulty.metrics import Scores

SCORES = Scores(1.0, 0.2, 0.05, 0.7, 0.3)
CURVES = Curves((Bin(3.0, 0.12, 0.0), Bin(7.5, 1.0, 1.0)), ((0.0, 0.0), (0.2, 0.6), (1.0, 1.0)))
FLAT = Curves((Bin(10.5, 0.5, 0.5),), ())  # nobody failed: there is nothing to rank
CARD = PredictorCard(
    train_questions=40,
    test_questions=10,
    test_rows=20,
    seed=0,
    before={"stage one": SCORES, "class mean": replace(SCORES, auroc=None)},
    after={"stage two": SCORES, "stage one, same rows": SCORES},
    trust={"stage one": 1.0},
    curves={"stage one": CURVES, "class mean": FLAT, "stage two": CURVES, "stage one, same rows": CURVES},
)


def test_a_row_is_drawn_for_each_stage() -> None:
    both = png(CARD)
    assert png(CARD) == both
    before = {name: curves for name, curves in CARD.curves.items() if name in CARD.before}
    one = png(replace(CARD, after={}, curves=before))
    height, width, _ = imread(BytesIO(both)).shape
    assert imread(BytesIO(one)).shape[:2] < (height, width)
    assert imread(BytesIO(one)).shape[1] == width
