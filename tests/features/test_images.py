"""Pictures to arrays, whatever their format, size and mode, and however broken."""

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from features import FeaturesError, Odd, images
from features.images import ImageFeatures
from tests.features.examples import assert_keeps_promises, picture, schema

MODES = ["L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "YCbCr", "LAB", "I;16", "I;16B", "F", "I"]
FORMS = {"CMYK": "TIFF", "YCbCr": "JPEG", "LAB": "TIFF", "I;16B": "TIFF", "F": "TIFF", "I": "TIFF"}


def training(mode: str = "L", size: tuple[int, int] = (6, 6), rows: int = 12) -> pa.Table:
    pictures = [picture(mode, size, seed) for seed in range(rows)]
    return pa.table({"image": pa.array(pictures, pa.binary()), "label": ["cat", "dog"] * (rows // 2)})


def fitted(table: pa.Table | None = None, **options: Any) -> ImageFeatures:
    return ImageFeatures.fit(table if table is not None else training(), schema({"image": "image"}), **options)


def encoded(made: Image.Image, form: str = "PNG") -> bytes:
    written = io.BytesIO()
    made.save(written, form)
    return written.getvalue()


def pixels(features: ImageFeatures, value: Any) -> np.ndarray:
    return features.pixels([{"image": value}])[0]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_promises_of_every_kind(tmp_path: Path, mode: str) -> None:
    table = training(mode)
    assert_keeps_promises(fitted(table), table, tmp_path)


def test_the_training_split_decides_size_channels_and_scale() -> None:
    features = fitted(training("RGB", (9, 6)))
    assert (features.size, features.channels) == (9, 3)
    scaled = fitted(training("RGB")).transform(training("RGB"))["image"]
    np.testing.assert_allclose(scaled.mean(axis=(0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(axis=(0, 2, 3)), 1, atol=1e-4)
    assert fitted(size=4).inputs()["image"]["shape"] == [None, 1, 4, 4]


def test_the_shape_is_kept_and_the_rest_is_black() -> None:
    features = fitted(size=8)
    white = pixels(features, encoded(Image.new("L", (8, 4), 255)))
    assert (white[0, 2:6] == 255).all()
    assert (white[0, :2] == 0).all()
    assert (white[0, 6:] == 0).all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_of_picture_is_read(mode: str, channels: int) -> None:
    features = fitted(training("L" if channels == 1 else "RGB"))
    odd: list[Odd] = []
    found = features.pixels([{"image": encoded(Image.new(mode, (5, 7)), FORMS.get(mode, "PNG"))}], odd)
    assert found.shape == (1, channels, 6, 6)
    assert odd == []


def test_what_is_transparent_becomes_white() -> None:
    drawn = Image.new("RGBA", (6, 6), (0, 0, 0, 0))
    drawn.paste((0, 0, 0, 255), (0, 0, 3, 6))
    found = pixels(fitted(), encoded(drawn))
    assert (found[0, :, :3] == 0).all()
    assert (found[0, :, 3:] == 255).all()


def test_deep_grey_keeps_its_shades() -> None:
    ramp = np.linspace(0, 65535, 36).astype(np.uint16).reshape(6, 6)
    found = pixels(fitted(), encoded(Image.fromarray(ramp)))
    np.testing.assert_allclose(found[0], ramp / 257, atol=1)
    share = (ramp / 65535).astype(np.float32)
    np.testing.assert_allclose(pixels(fitted(), encoded(Image.fromarray(share), "TIFF"))[0], ramp / 257, atol=1)


def test_a_photograph_is_turned_upright() -> None:
    made, exif = Image.new("L", (6, 6), 0), Image.Exif()
    made.paste(255, (0, 0, 6, 3))  # the upper half is white
    exif[0x0112] = 3  # taken upside down
    written = io.BytesIO()
    made.save(written, "PNG", exif=exif)
    found = pixels(fitted(), written.getvalue())
    assert (found[0, :3] == 0).all()
    assert (found[0, 3:] == 255).all()


def test_arrays_read_like_the_files_they_become() -> None:
    features = fitted(training("RGB"))
    array = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    file = encoded(Image.fromarray(array))
    for value in (array, array.tolist(), array.astype(np.int64), array.astype(np.float64)):
        np.testing.assert_array_equal(pixels(features, value), pixels(features, file))
    np.testing.assert_array_equal(pixels(features, array[:, :, :1]), pixels(features, array[:, :, 0]))


NO_PICTURES = [
    None, b"", b"no picture", "text", 7, [], [[]], [["a"]], [[1], [2, 3]], np.zeros((0, 0)), np.zeros((2, 2, 2, 2)),
    np.full((3, 3), np.nan), np.full((3, 3), 256), np.full((3, 3), -1), {"a": 1},
]  # fmt: skip


@pytest.mark.parametrize("value", NO_PICTURES, ids=lambda value: str(value)[:20])
def test_what_is_no_picture_is_black_and_told(value: Any) -> None:
    odd: list[Odd] = []
    found = fitted().pixels([{"image": value}, {"image": picture()}], odd)
    assert not found[0].any()
    assert found[1].any()
    assert [(one.row, one.what) for one in odd] == [
        (0, "is missing" if value is None else "is not a picture that opens")
    ]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_files_never_stop_a_batch() -> None:
    drawn = random.Random(0)
    whole = [picture("RGB", (9, 9), form=form) for form in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP")]
    features = fitted()
    for _ in range(400):
        damaged = bytearray(drawn.choice(whole))
        for _ in range(drawn.randint(1, 5)):
            damaged[drawn.randrange(min(len(damaged), 60))] = drawn.randrange(256)
        found = pixels(features, bytes(damaged[: drawn.randrange(len(damaged))] if drawn.random() < 0.3 else damaged))
        assert found.shape == (1, 6, 6)


def test_a_small_file_with_a_huge_picture_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    odd: list[Odd] = []
    fitted(training(size=(8, 8))).pixels([{"image": picture(size=(11, 11))}], odd)
    assert len(odd) == 1


def test_a_very_long_picture_is_fitted() -> None:
    for size in ((1, 5000), (5000, 1)):
        assert pixels(fitted(), encoded(Image.new("L", size, 255))).shape == (1, 6, 6)


def test_broken_pictures_in_the_training_split_are_passed_over() -> None:
    table = training()
    values = [b"broken", *table["image"].to_pylist()[1:]]
    assert fitted(table.set_column(0, "image", pa.array(values, pa.binary()))).size == 6
    with pytest.raises(FeaturesError, match="can be opened"):
        fitted(table.set_column(0, "image", pa.array([b"broken"] * 12, pa.binary())))


def test_one_image_column_is_needed() -> None:
    with pytest.raises(FeaturesError, match="has 0"):
        ImageFeatures.fit(training(), schema({"size": "number"}))
