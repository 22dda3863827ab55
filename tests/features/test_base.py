"""Saved features come back whole or not at all."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from features import FeaturesError, load
from tests.features import test_images, test_tables, test_text
from tests.source_tree import ROOT

KINDS = {"table": test_tables.fitted, "text": test_text.fitted, "images": test_images.fitted}


@pytest.fixture(params=sorted(KINDS))
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    KINDS[request.param]().save(tmp_path / "features")
    return tmp_path / "features"


def change(folder: Path, **values: Any) -> None:
    path = folder / "features.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")


def test_a_file_that_was_changed_is_refused(saved: Path) -> None:
    content = json.loads((saved / "features.json").read_text("utf-8"))["content"]
    content["target"]["classes"].reverse()
    change(saved, content=content)
    with pytest.raises(FeaturesError, match="changed after training"):
        load(saved)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"format": 99}, "another version"),
        ({"format": "x"}, "another version"),
        ({"kind": "sound"}, "another version"),
        ({"content": {}}, "lacks what"),
        ({"content": []}, "lacks what"),
    ],
)
def test_a_file_of_another_shape_is_refused(saved: Path, values: dict[str, Any], words: str) -> None:
    change(saved, **values)
    with pytest.raises(FeaturesError, match=words):
        load(saved)


@pytest.mark.parametrize("written", [b"", b"{", b"[]", b"\xff\xfe", b'{"kind": "text"}'])
def test_a_broken_file_is_refused(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "features.json").write_bytes(written)
    with pytest.raises(FeaturesError, match="another checkpoint"):
        load(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeaturesError, match=r"features\.json is missing"):
        load(tmp_path)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_signature_is_plain_json(kind: str) -> None:
    features = KINDS[kind]()
    signature = features.signature()
    assert json.loads(json.dumps(signature)) == signature
    assert (signature["kind"], signature["features"]) == (kind, features.fingerprint)
    assert signature["outputs"]["target"] == "label"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_fingerprint_does_not_depend_on_the_process(kind: str, tmp_path: Path) -> None:
    KINDS[kind]().save(tmp_path)
    code = (
        "import sys; from pathlib import Path; from features import load; print(load(Path(sys.argv[1])).fingerprint); "
        "print([name for name in ('torch', 'pytorch_lightning', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == [KINDS[kind]().fingerprint, "[]"]
