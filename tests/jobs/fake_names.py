"""Supervisors that call fakes by name and have little patience."""

from dataclasses import replace

from jobs.crew import Patience
from jobs.supervisor import Names

NAMES = Names(
    rank="tests.jobs.fake_rank:main",
    warm="json",
    describe="tests.jobs.fake_rank:describe",
    tick_seconds=0.1,
    patience=Patience(sibling_seconds=0.3, ending_seconds=0.5, kill_seconds=0.5),
)
SHORT = replace(NAMES, idle_seconds=0.5)
BROKEN = replace(NAMES, warm="tests.jobs.fake_broken", describe="tests.jobs.fake_rank:describe_badly")
