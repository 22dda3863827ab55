"""Text to token numbers, with a tokenizer that has seen the training split alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from features import FeaturesError, Odd
from features.text import PADDING, UNKNOWN, TextFeatures
from tests.features.examples import assert_keeps_promises, schema

SENTENCES = [
    "A fine film, well told.",
    "A dull film; badly told!",
    "Fine acting and a fine story",
    "Dull, dull, DULL",
    "",
    "não é má – é óptima 🎬",
]


def training(texts: list[str] | None = None) -> pa.Table:
    texts = texts or SENTENCES
    return pa.table(
        {"text": pa.array(texts), "label": ["good" if row % 2 == 0 else "bad" for row in range(len(texts))]}
    )


def fitted(table: pa.Table | None = None, **options: Any) -> TextFeatures:
    options = {"max_tokens": 8} | options
    return TextFeatures.fit(table if table is not None else training(), schema({"text": "text"}), **options)


def tokens(features: TextFeatures, *texts: Any) -> np.ndarray:
    return features.transform([{"text": text} for text in texts])["tokens"]


@pytest.mark.parametrize("tokenizer", ["words", "bpe", "wordpiece"])
@pytest.mark.parametrize("pair_buckets", [0, 50])
def test_promises_of_every_kind(tmp_path: Path, tokenizer: Any, pair_buckets: int) -> None:
    table = training()
    assert_keeps_promises(fitted(table, tokenizer=tokenizer, pair_buckets=pair_buckets), table, tmp_path)


@pytest.mark.parametrize("tokenizer", ["words", "bpe", "wordpiece"])
def test_the_same_training_split_gives_the_same_features_in_every_process(tokenizer: Any) -> None:
    """Each rank, and each resumed run, fits its own: another numbering would make the weights meaningless."""
    assert len({fitted(tokenizer=tokenizer).fingerprint for _ in range(5)}) == 1


@pytest.mark.parametrize("tokenizer", ["bpe", "wordpiece"])
def test_marks_of_pieces_in_a_text_are_read_as_text(tokenizer: Any) -> None:
    """ "##a" is how a piece inside a word is called; in a text it is two signs and a letter."""
    features = fitted(training(["a # b", "b # a"]), tokenizer=tokenizer)
    written, (apart,) = tokens(features, "##a")[0], tokens(features, "# a")
    assert written[0] == apart[0]
    assert written[2] == apart[1]


def test_a_word_that_was_not_in_the_training_split_is_unknown() -> None:
    features = fitted()
    features.transform([{"text": "zebra"}] * 9)
    (row,) = tokens(features, "fine zebra film")
    assert row[1] == UNKNOWN
    assert UNKNOWN not in (row[0], row[2])
    assert row[3:].tolist() == [PADDING] * 5


def test_pieces_of_words_know_new_words_in_part() -> None:
    features = fitted(tokenizer="bpe")
    assert UNKNOWN not in tokens(features, "finest telling")


def test_a_rare_word_is_unknown_when_asked() -> None:
    assert tokens(fitted(min_count=2), "acting")[0, 0] == UNKNOWN
    assert tokens(fitted(min_count=1), "acting")[0, 0] != UNKNOWN
    assert fitted(vocabulary_size=10).vocabulary_size <= 10


def test_case_is_kept_only_when_asked() -> None:
    lower, kept = fitted(), fitted(lowercase=False)
    assert tokens(lower, "Fine")[0, 0] == tokens(lower, "fine")[0, 0]
    assert tokens(kept, "Fine")[0, 0] != tokens(kept, "fine")[0, 0]


def test_pairs_follow_the_tokens_and_know_their_order() -> None:
    features = fitted(pair_buckets=1000)
    assert features.width == 15
    size = features.vocabulary_size
    one, other, long = tokens(features, "fine film", "film fine", "dull " * 20)
    assert (one[:2] < size).all()
    assert size <= one[2] < size + 1000
    assert one[3:].tolist() == [PADDING] * 12
    assert one[2] != other[2]
    assert (long[:8] < size).all()
    assert len(set(long[8:].tolist())) == 1
    assert features.inputs()["tokens"]["vocabulary"] == size + 1000


def test_several_text_columns_are_read_together() -> None:
    table = training().append_column("title", pa.array(["words"] * len(SENTENCES)))
    features = TextFeatures.fit(table, schema({"title": "text", "text": "text"}), max_tokens=8)
    both = features.transform([{"title": "fine", "text": "film"}])["tokens"]
    np.testing.assert_array_equal(both, features.transform([{"title": "fine film"}])["tokens"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (None, "is empty"),
        ("fine " * 9, "is longer than 8 tokens; the rest was left out"),
        ("fine" * 200, "is longer than 8 tokens; the rest was left out"),
        ("zebra giraffe fine", "has mostly words that were not in the training data"),
    ],
)
def test_what_is_odd_is_told(text: str | None, words: str) -> None:
    odd: list[Odd] = []
    fitted().transform([{"text": text}], odd)
    assert f"text {words}" in [f"{one.column} {one.what}" for one in odd]


def test_nothing_is_odd_about_a_good_text() -> None:
    assert fitted().warnings([{"text": "a fine film"}]) == []


FITTED = fitted(pair_buckets=20)
VALUE = st.none() | st.text() | st.integers() | st.floats() | st.binary() | st.booleans() | st.lists(st.text())


@given(st.lists(VALUE, max_size=4))
@settings(max_examples=150)
def test_any_value_gives_tokens(values: list[Any]) -> None:
    found = tokens(FITTED, *values)
    assert found.shape == (len(values), 15)
    assert (found >= 0).all()
    assert (found < FITTED.inputs()["tokens"]["vocabulary"]).all()
    for row in found:
        filled = int((row != PADDING).sum())
        assert filled >= 1
        assert (row[filled:] == PADDING).all()


def test_a_huge_text_costs_no_more_than_its_beginning() -> None:
    np.testing.assert_array_equal(tokens(fitted(), "fine film " * 1_000_000), tokens(fitted(), "fine film " * 4))


def test_the_tokenizer_lies_beside_for_other_programs(tmp_path: Path) -> None:
    features = fitted()
    features.save(tmp_path)
    beside = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert beside.encode("a fine film").ids == tokens(features, "a fine film")[0, :3].tolist()
    json.loads((tmp_path / "features.json").read_text("utf-8"))


def test_a_dataset_without_text_is_an_error() -> None:
    with pytest.raises(FeaturesError, match="no text column"):
        TextFeatures.fit(training(), schema({"size": "number"}))
