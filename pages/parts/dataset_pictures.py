"""Images of any size and colour mode as small pictures for a page."""

import io

import streamlit as st
from PIL import Image, UnidentifiedImageError

SIDE_PIXELS = 128


@st.cache_data(max_entries=2000, show_spinner=False)
def thumbnail(content: bytes) -> bytes | None:
    """A PNG of at most 128 pixels a side, small images enlarged without blur; None when it cannot be decoded."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.draft("RGB", (2 * SIDE_PIXELS, 2 * SIDE_PIXELS))
            image.thumbnail((2 * SIDE_PIXELS, 2 * SIDE_PIXELS))
            shown = _plain(image)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return None
    shown.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
    times = SIDE_PIXELS // max(shown.size)
    if times > 1:
        shown = shown.resize((shown.width * times, shown.height * times), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    shown.save(buffer, "png")
    return buffer.getvalue()


def _plain(image: Image.Image) -> Image.Image:
    """The image in a mode that a browser shows; deep greys are spread over what it holds."""
    if image.mode in ("I", "F", "I;16", "I;16B"):
        low, high = (float(edge) for edge in image.getextrema())
        scale = 255 / (high - low) if high > low else 0.0
        return image.convert("F").point(lambda value: value * scale - low * scale).convert("L")
    return image.convert("RGBA" if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info else "RGB")
