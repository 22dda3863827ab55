"""Whether bytes are a picture that can be used. Decodes it; knows no file."""

import io
import warnings

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, UnidentifiedImageError

from catalog.errors import CatalogError
from catalog.schema import Schema

MOST_PIXELS = 64_000_000


def image_trouble(content: bytes) -> str | None:
    """Why these bytes are no usable image; None when they are one. Decodes it (JPEG at reduced size)."""
    if not content:
        return "empty file"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is judged here
            with Image.open(io.BytesIO(content)) as image:
                if image.width * image.height > MOST_PIXELS:
                    return f"{image.width}×{image.height} pixels, more than {MOST_PIXELS // 1_000_000} million"
                image.draft("RGB", (max(1, image.width // 8), max(1, image.height // 8)))
                image.load()
    except UnidentifiedImageError:
        return "not an image"
    except Image.DecompressionBombError:
        return f"far more than {MOST_PIXELS // 1_000_000} million pixels"
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        return str(error)[:100]
    return None


def check_pictures(batch: pa.RecordBatch, schema: Schema, first_row: int) -> None:
    """Raise CatalogError on the first row of a cast batch whose image is missing or cannot be decoded."""
    for column in schema.columns:
        if column.type != "image" or column.role == "ignore":
            continue
        values = batch.column(column.name)
        if values.null_count:
            row = first_row + pc.index(pc.is_null(values), True).as_py() + 1
            raise CatalogError(f"Column “{column.name}”, row {row}: there is no image. Remove the row.", "columns")
        for index, content in enumerate(values):
            trouble = image_trouble(content.as_py())
            if trouble:
                raise CatalogError(
                    f"Column “{column.name}”, row {first_row + index + 1}: the image cannot be read ({trouble}). "
                    "Replace it or remove the row.",
                    "columns",
                )
