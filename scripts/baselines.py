"""Simple models of scikit-learn on a sample's own split: what a neural network has to reach to be worth its trouble."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from catalog.schema import Schema
from catalog.versions import open_version


@dataclass(frozen=True)
class Baseline:
    """What a simple model reaches on the test split.

    Attributes:
        metric: "accuracy" or "r2".
        value: Fitted on training and validation rows together, as on the data sheets.
        on_training_rows: Fitted on the rows that a preset learns from.
        name: The model, for a person.
    """

    metric: str
    value: float
    on_training_rows: float
    name: str


def baseline(dataset: str) -> Baseline:
    """Fit the baseline of a dataset's kind and score it on the test rows."""
    version = open_version(dataset)
    schema = version.schema
    training, test = version.table("train"), version.table("test")
    name, model, read = _model_of(dataset, version.kind, schema)

    def score(rows: pa.Table) -> float:
        model.fit(read(rows, schema), _answers(rows, schema))
        return float(model.score(read(test, schema), _answers(test, schema)))

    both = score(pa.concat_tables([training, version.table("validation")]))
    return Baseline("r2" if schema.task == "regression" else "accuracy", both, score(training), name)


def _model_of(dataset: str, kind: str, schema: Schema) -> tuple[str, Any, Callable[[pa.Table, Schema], Any]]:
    logistic = LogisticRegression(max_iter=2000)
    if kind == "text":
        words = LogisticRegression(C=4, max_iter=2000)
        if dataset == "frases-pt":
            characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True)
            return "TF-IDF of characters, logistic regression", make_pipeline(characters, words), _texts
        pairs = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        return "TF-IDF of 1–2-grams, logistic regression", make_pipeline(pairs, words), _texts
    if kind == "images":
        if dataset == "mnist-5k":
            return "support vector machine, RBF, C = 5", SVC(C=5), _pixels
        return "logistic regression", make_pipeline(StandardScaler(), logistic), _pixels
    if schema.task == "regression":
        return "ridge regression", make_pipeline(StandardScaler(), Ridge()), _numbers
    return "logistic regression", make_pipeline(StandardScaler(), logistic), _numbers


def _answers(table: pa.Table, schema: Schema) -> np.ndarray:
    return table.column(str(schema.target)).to_numpy()


def _texts(table: pa.Table, schema: Schema) -> list[str]:
    names = [column.name for column in schema.features]
    return ["\n".join(str(value) for value in row.values()) for row in table.select(names).to_pylist()]


def _numbers(table: pa.Table, schema: Schema) -> np.ndarray:
    return np.stack([table.column(column.name).to_numpy() for column in schema.features], axis=1)


def _pixels(table: pa.Table, schema: Schema) -> np.ndarray:
    (name,) = [column.name for column in schema.features]
    pictures = [np.asarray(Image.open(io.BytesIO(value))) for value in table.column(name).to_pylist()]
    return np.stack([picture.ravel() for picture in pictures]) / 255
