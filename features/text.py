"""Text to token numbers, with a tokenizer trained on the training split.

Token 0 is padding and stands only at the end; token 1 is an unknown piece. Pairs of neighbours, when asked for, follow
the tokens as hashed numbers above the vocabulary, so that a bag of tokens sees some order.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from features.base import Features, FeaturesError, Odd, SchemaLike, fit_target
from features.columns import Examples, column, count, texts
from features.targets import Target

TokenizerKind = Literal["words", "bpe", "wordpiece"]
PADDING, UNKNOWN = 0, 1
_SPECIAL = ["[PAD]", "[UNK]"]
_MODELS: dict[TokenizerKind, Callable[[], models.Model]] = {
    "words": lambda: models.WordLevel(unk_token="[UNK]"),
    "bpe": lambda: models.BPE(unk_token="[UNK]", continuing_subword_prefix="##"),
    "wordpiece": lambda: models.WordPiece(unk_token="[UNK]"),
}
_CHARACTERS_PER_TOKEN = 40  # a longer text is cut before it is tokenized: ten megabytes cost no more than ten pages
_CHUNK = 4096


class TextFeatures(Features):
    """One or more text columns as ``tokens``, int64 ``(examples, width)``."""

    kind: ClassVar[str] = "text"

    def __init__(
        self, columns: Sequence[str], tokenizer_json: str, max_tokens: int, pair_buckets: int, target: Target
    ) -> None:
        self.columns = tuple(columns)
        self.tokenizer_json = tokenizer_json
        self.max_tokens = max_tokens
        self.pair_buckets = pair_buckets
        self.target = target

    @classmethod
    def fit(
        cls,
        table: pa.Table,
        schema: SchemaLike,
        *,
        tokenizer: TokenizerKind = "words",
        vocabulary_size: int = 20_000,
        min_count: int = 1,
        max_tokens: int = 128,
        pair_buckets: int = 0,
        lowercase: bool = True,
        **_: Any,
    ) -> Self:
        """Train the tokenizer on the training split.

        Args:
            table: The training split.
            schema: The dataset's schema; its text features are joined by a line break.
            tokenizer: "words", or pieces of words by "bpe" or "wordpiece".
            vocabulary_size: Different tokens at most.
            min_count: A token must stand so often in the training split.
            max_tokens: Longer texts are cut.
            pair_buckets: Numbers for hashed pairs of neighbours; 0 for none.
            lowercase: Whether "Good" is "good".
        """
        columns = [c.name for c in schema.columns if c.role == "feature" and c.type == "text"]
        columns = columns or [c.name for c in schema.columns if c.role == "feature" and c.type == "category"]
        if not columns:
            raise FeaturesError("The dataset has no text column with the role feature; correct its schema.")
        target = fit_target(table, schema)
        trained = _train(table, columns, tokenizer, vocabulary_size, min_count, lowercase)
        return cls(columns, trained, max_tokens, pair_buckets, target)

    def transform(self, examples: Examples, odd: list[Odd] | None = None) -> dict[str, np.ndarray]:
        """``{"tokens": int64 (examples, width)}``."""
        limit = self.max_tokens * _CHARACTERS_PER_TOKEN
        joined = _joined(examples, self.columns)
        encodings = self._tokenizer.encode_batch([text[:limit] for text in joined], add_special_tokens=False)
        tokens = np.zeros((len(joined), self.max_tokens), dtype=np.int64)  # (examples, max_tokens)
        for row, encoding in enumerate(encodings):
            ids = encoding.ids[: self.max_tokens] or [UNKNOWN]
            tokens[row, : len(ids)] = ids
            if odd is not None:
                odd.extend(self._oddities(row, joined[row], encoding.ids, len(joined[row]) > limit))
        return {"tokens": _with_pairs(tokens, self.vocabulary_size, self.pair_buckets)}

    def _oddities(self, row: int, text: str, ids: list[int], cut: bool) -> Iterator[Odd]:
        name = ", ".join(self.columns)
        if not text.strip():
            yield Odd(row, name, "is empty")
        elif len(ids) > self.max_tokens or cut:
            yield Odd(row, name, f"is longer than {self.max_tokens} tokens; the rest was left out")
        unknown = ids[: self.max_tokens].count(UNKNOWN)
        if unknown and unknown * 2 >= min(len(ids), self.max_tokens):
            yield Odd(row, name, "has mostly words that were not in the training data")

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return Tokenizer.from_str(self.tokenizer_json)

    @cached_property
    def vocabulary_size(self) -> int:
        """Different tokens, padding and unknown among them, pairs left aside."""
        return int(self._tokenizer.get_vocab_size())

    @property
    def width(self) -> int:
        """Numbers for one text at most."""
        return self.max_tokens * 2 - 1 if self.pair_buckets else self.max_tokens

    def inputs(self) -> dict[str, dict[str, Any]]:
        """One input, ``tokens``."""
        size = self.vocabulary_size + self.pair_buckets
        return {"tokens": {"shape": [None, self.width], "dtype": "int64", "vocabulary": size, "padding": PADDING}}

    def content(self) -> dict[str, Any]:
        """Columns, tokenizer, lengths and target."""
        return {
            "columns": list(self.columns),
            "tokenizer": self.tokenizer_json,
            "max_tokens": self.max_tokens,
            "pair_buckets": self.pair_buckets,
            "target": self.target.outputs(),
        }

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of `content`."""
        target = Target.from_outputs(content["target"])
        return cls(content["columns"], content["tokenizer"], content["max_tokens"], content["pair_buckets"], target)

    def save(self, folder: Path) -> None:
        """``features.json``, and ``tokenizer.json`` for other programs that read this format (a browser, say)."""
        super().save(folder)
        (folder / "tokenizer.json").write_text(self.tokenizer_json, "utf-8")


def _joined(examples: Examples, columns: Sequence[str]) -> list[str]:
    parts = [[text or "" for text in texts(column(examples, name))] for name in columns]
    return parts[0] if len(parts) == 1 else ["\n".join(row) for row in zip(*parts, strict=True)]


def _joined_chunks(table: pa.Table, columns: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, count(table), _CHUNK):
        yield _joined(table.slice(start, _CHUNK), columns)


def _train(
    table: pa.Table,
    columns: Sequence[str],
    kind: TokenizerKind,
    vocabulary_size: int,
    min_count: int,
    lowercase: bool,
) -> str:
    """The trained tokenizer as JSON; the same texts always give the same."""
    sizes: dict[str, Any] = {"vocab_size": vocabulary_size, "min_frequency": min_count, "show_progress": False}
    trainer: Any
    tokenizer = Tokenizer(_MODELS[kind]())
    steps = [normalizers.NFKC(), *([normalizers.Lowercase()] if lowercase else [])]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if kind == "words":
        trainer = trainers.WordLevelTrainer(special_tokens=_SPECIAL, **sizes)
    else:
        # The library numbers the pieces inside words in the order of a hash table, another one in every process. Named
        # beforehand, they have fixed numbers, and every merge follows from those.
        inside = [f"##{character}" for character in _characters(tokenizer.normalizer, _joined_chunks(table, columns))]
        make = trainers.BpeTrainer if kind == "bpe" else trainers.WordPieceTrainer
        trainer = make(special_tokens=[*_SPECIAL, *inside], continuing_subword_prefix="##", **sizes)
    tokenizer.train_from_iterator(_joined_chunks(table, columns), trainer)
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] in _SPECIAL]
    return json.dumps(content, ensure_ascii=False)


def _characters(normalizer: Any, chunks: Iterator[list[str]]) -> list[str]:
    found: set[str] = set()
    for texts_of_chunk in chunks:
        found.update(normalizer.normalize_str("\n".join(texts_of_chunk)))
    return sorted(character for character in found if not character.isspace())


def _with_pairs(tokens: np.ndarray, vocabulary_size: int, buckets: int) -> np.ndarray:
    """Put the hashed pairs of neighbours behind each row's tokens: ``(examples, max_tokens * 2 - 1)``."""
    if not buckets:
        return tokens
    wide = np.zeros((len(tokens), tokens.shape[1] * 2 - 1), dtype=np.int64)
    wide[:, : tokens.shape[1]] = tokens
    rows, places = np.nonzero(tokens[:, 1:])
    left, right = tokens[rows, places].astype(np.uint64), tokens[rows, places + 1].astype(np.uint64)
    mixed = (left * np.uint64(0x9E3779B97F4A7C15)) ^ (right * np.uint64(0xC2B2AE3D27D4EB4F))
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    lengths = (tokens != PADDING).sum(axis=1)
    wide[rows, lengths[rows] + places] = vocabulary_size + ((mixed >> np.uint64(32)) % np.uint64(buckets)).astype(
        np.int64
    )
    return wide
