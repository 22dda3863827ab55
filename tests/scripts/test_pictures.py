"""The runs that the README's pictures show can be made."""

import pytest

from db.run_config import read_config
from jobs.control import with_changes
from lightning_modules import presets
from scripts.pictures import ENDED, LIVE, STOPPED, Shown


@pytest.mark.parametrize("shown", [*ENDED, STOPPED, LIVE], ids=lambda shown: shown.name)
def test_every_run_on_a_picture_has_a_preset_and_a_config(shown: Shown) -> None:
    read_config(with_changes(presets.get(shown.preset).config, shown.changes))
