"""The command that does the same without the dashboard."""

import shlex

from db.home import run_folder
from db.run_config import RunConfig

PYTHON = ".venv/bin/python"


def command_line(of: int | RunConfig, name: str = "") -> str:
    """What to type in the project's folder for a run that was launched (by its id), or for a config.

    The YAML of a config is part of the command, so that it can be pasted as it is.
    """
    named = f" --name {shlex.quote(name)}" if name else ""
    if isinstance(of, int):
        return f"{PYTHON} -m training {shlex.quote(str(run_folder(of) / 'config.yaml'))}{named}"
    return f"cat > run.yaml <<'YAML'\n{of.to_yaml()}YAML\n{PYTHON} -m training run.yaml{named}"
