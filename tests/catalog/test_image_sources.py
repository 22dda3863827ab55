"""Images as folders, zips and arrays; a zip with one data file; and those that mean harm."""

import io
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.errors import CatalogError
from catalog.pictures import image_trouble
from catalog.preview import preview
from catalog.readers import delimited, image_folder, open_source
from db.home import data_folder
from tests.catalog.makers import labelled, picture, pictures, rows_of, write, zipped

pytestmark = pytest.mark.usefixtures("bancada_home")


def unfolded(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        write(folder, name, content)
    return folder


def test_a_folder_and_a_zip_of_it_give_the_same_rows(tmp_path: Path) -> None:
    files = pictures()
    from_folder = rows_of(unfolded(tmp_path / "animals", files))

    assert from_folder == rows_of(zipped(tmp_path, files))
    assert [(row["file"], row["label"]) for row in from_folder[:2]] == [("cat/0.png", "cat"), ("cat/1.png", "cat")]
    assert [row["image"] for row in from_folder] == list(files.values())


def test_folders_around_the_classes_and_desktop_clutter_do_not_matter(tmp_path: Path) -> None:
    clutter = {"__MACOSX/cat/._0.png": b"x", "top/Thumbs.db": b"x", "top/cat/.DS_Store": b"x"}
    path = zipped(tmp_path, pictures(below="top/images/") | clutter)

    assert {row["label"] for row in rows_of(path)} == {"cat", "dog"}


def test_folders_named_train_and_test_are_the_split(tmp_path: Path) -> None:
    files = pictures(below="train/") | pictures(below="val/") | pictures(below="Test/")
    looked = preview(zipped(tmp_path, files))

    assert looked.split.method == "column"
    assert looked.split.column == "split"
    assert set(looked.head.column("split").to_pylist()) == {"train", "validation", "test"}


def test_a_label_file_beside_the_images(tmp_path: Path) -> None:
    files = {f"im/{number}.png": picture(number) for number in range(4)}
    table = "file;label\n" + "".join(f"im/{number}.png;{'ab'[number % 2]}\n" for number in range(4))

    rows = rows_of(zipped(tmp_path, files | {"labels.csv": table.encode()}))

    assert [row["label"] for row in rows] == ["a", "b", "a", "b"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("file,label\nnone.png,a\n", "line 2: there is no image none.png"),
        ("file,label\n0.png\n", "line 2: 0.png has no label"),
        ("name,label\n0.png,a\n", "needs a column named file"),
        ("", "needs a column named file"),
    ],
)
def test_a_label_file_that_does_not_fit(tmp_path: Path, table: str, words: str) -> None:
    with pytest.raises(CatalogError, match=words):
        rows_of(zipped(tmp_path, {"0.png": picture(), "labels.csv": table}))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = unfolded(tmp_path / "animals", pictures())
    (folder / "cat" / "passwords.png").symlink_to("/etc/passwd")

    assert len(rows_of(folder)) == 20


@pytest.mark.parametrize("form", ["png", "jpeg", "bmp", "gif", "webp", "tiff"])
@pytest.mark.parametrize("size", [(1, 1), (4, 300), (64, 64)])
def test_images_of_every_form_and_size_are_images(form: str, size: tuple[int, int]) -> None:
    assert image_trouble(picture(7, size, form)) is None


def test_images_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert image_trouble(b"") == "empty file"
    assert image_trouble(b"hello") == "not an image"
    assert image_trouble(picture(size=(64, 64))[:60])

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "far more than" in str(image_trouble(picture(size=(100, 100))))
    monkeypatch.setattr("catalog.pictures.MOST_PIXELS", 100)
    assert "30×40 pixels, more than" in str(image_trouble(picture(size=(30, 40))))


def test_files_that_are_no_images_are_named(tmp_path: Path) -> None:
    some = zipped(tmp_path, pictures() | {"cat/x.png": b"hello", "dog/y.jpg": b""})
    with pytest.raises(CatalogError, match=r"2 of 22 images.*cat/x.png \(not an image\); dog/y.jpg \(empty file\)"):
        rows_of(some)

    every = zipped(tmp_path, dict.fromkeys(pictures(), b"hello"), "none.zip")
    with pytest.raises(CatalogError, match="none of the 20 images looked at can be read"):
        preview(every)


def test_one_class_is_said_before_anything_is_stored(tmp_path: Path) -> None:
    assert "a second class is needed" in preview(zipped(tmp_path, pictures(("cat",)))).problems[0]


def test_images_in_no_class_folder_and_folders_without_images(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="lie in no class folder"):
        rows_of(zipped(tmp_path, {"0.png": picture(), "1.png": picture()}))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogError, match="holds no image"):
        rows_of(tmp_path / "empty")


def test_a_folder_with_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folder, "MOST_FILES", 10)

    with pytest.raises(CatalogError, match="more than 10 files"):
        rows_of(unfolded(tmp_path / "animals", pictures()))


# A zip is trusted in nothing.


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/evil.png", "cat\\..\\evil.png", "C:/evil.png"])
def test_names_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CatalogError, match="points outside the archive"):
        rows_of(zipped(tmp_path, pictures() | {name: picture()}))


def test_links_and_passwords_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("cat/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(CatalogError, match="is a link"):
        rows_of(tmp_path / "link.zip")

    locked = bytearray(zipped(tmp_path, {"a.csv": "x,y\n1,2\n"}).read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        locked[locked.index(mark) + (6 if mark == b"PK\x03\x04" else 8)] |= 1
    with pytest.raises(CatalogError, match="password"):
        rows_of(write(tmp_path, "locked.zip", bytes(locked)))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"a.csv": b"x,label\n" + b"1,a\n" * 15_000_000})

    with pytest.raises(CatalogError, match="looks like a zip bomb"):
        rows_of(path)


def test_broken_zips_are_said_plainly(tmp_path: Path) -> None:
    good = zipped(tmp_path, {"a.csv": labelled(5000)}).read_bytes()
    damaged = bytearray(good)
    damaged[100:400] = bytes(300)
    for content, words in ((b"hello", "is no zip file"), (good[:-30], "is no zip file"), (damaged, "be unpacked")):
        with pytest.raises(CatalogError, match=words):
            rows_of(write(tmp_path, "broken.zip", bytes(content)))


def test_a_broken_image_inside_a_zip_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8).tobytes()
    damaged = bytearray(zipped(tmp_path, {"cat/a.png": noise * 3, "dog/b.png": noise}).read_bytes())
    damaged[60:90] = b"\xff" * 30

    with pytest.raises(CatalogError, match=r"cat/a\.png cannot be unpacked"):
        rows_of(write(tmp_path, "broken.zip", bytes(damaged)))


def test_a_zip_with_one_data_file_is_that_file_and_nothing_stays_behind(tmp_path: Path) -> None:
    assert rows_of(zipped(tmp_path, {"inner/a.csv": "x,y\n1,a\n", "readme.md": "hello"})) == [{"x": "1", "y": "a"}]
    assert not list((data_folder() / "incoming").iterdir())


@pytest.mark.parametrize("files", [{}, {"a.csv": "x", "b.csv": "y"}, {"inner.zip": b"PK"}, {"a.txt/": ""}])
def test_a_zip_without_one_clear_content(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(CatalogError, match="holds"):
        rows_of(zipped(tmp_path, files))


# Arrays.

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)
ANSWERS = np.arange(6) % 2


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def test_arrays_become_images_without_loss(tmp_path: Path) -> None:
    rows = rows_of(saved(tmp_path, images=PIXELS, labels=ANSWERS))

    read = [np.asarray(Image.open(io.BytesIO(row["image"]))) for row in rows]
    np.testing.assert_array_equal(np.stack(read), PIXELS)
    assert [row["label"] for row in rows] == [str(answer) for answer in ANSWERS]


def test_floats_from_zero_to_one_are_spread(tmp_path: Path) -> None:
    assert rows_of(saved(tmp_path, images=PIXELS / 255, labels=ANSWERS)) == rows_of(
        saved(tmp_path, images=PIXELS, labels=ANSWERS)
    )


def test_arrays_named_train_and_test_are_the_split(tmp_path: Path) -> None:
    path = saved(tmp_path, x_train=PIXELS, y_train=ANSWERS, x_test=PIXELS, y_test=ANSWERS[:, None])

    assert [row["split"] for row in rows_of(path)] == ["train"] * 6 + ["test"] * 6


def test_images_npy_finds_its_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", PIXELS)
    with pytest.raises(CatalogError, match="has no labels"):
        rows_of(tmp_path / "images.npy")
    np.save(tmp_path / "labels.npy", ANSWERS)
    assert len(rows_of(tmp_path / "images.npy")) == 6


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": PIXELS, "labels": ANSWERS[:3]}, "6 images and labels of shape"),
        ({"images": PIXELS, "labels": np.array(["a"] * 6, object)}, "allow_pickle"),
        ({"other": PIXELS}, "needs an array named images"),
        ({"images": PIXELS.reshape(6, 64), "labels": ANSWERS}, "must have the shape"),
        ({"images": PIXELS[:0], "labels": ANSWERS[:0]}, "holds no image"),
        ({"images": PIXELS.astype(float) - 300, "labels": ANSWERS}, "Pixels must be within"),
        ({"images": np.full((6, 8, 8), np.nan), "labels": ANSWERS}, "NaN"),
        ({"images": np.full((6, 8, 8), "x"), "labels": ANSWERS}, "pixels must be"),
        ({"images": PIXELS.astype(complex), "labels": ANSWERS}, "pixels must be"),
    ],
)
def test_arrays_that_are_no_images(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(CatalogError, match=words):
        rows_of(saved(tmp_path, **arrays))


# What is no source at all.


def test_paths_that_lead_to_no_data(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "none.csv", "no file or folder"),
        (write(tmp_path, "a.exe", "x"), "are not read"),
        (write(tmp_path, "none", "x"), "are not read"),
        (Path("/dev/zero"), "no file or folder"),
        (Path("/" + "a" * 5000), "cannot be looked at"),
        (Path("/tmp/a\0b"), "no file or folder"),
    ):
        with pytest.raises(CatalogError, match=words) as caught, open_source(path):
            pass
        assert caught.value.field == "source"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(delimited, "guess_encoding", refuse)

    with pytest.raises(CatalogError, match="cannot be read: Permission denied") as caught:
        preview(write(tmp_path, "a.csv", labelled()))
    assert caught.value.field == "source"
