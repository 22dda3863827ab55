"""From what is known of the ranks to the true reason."""

import signal
from datetime import UTC, datetime, timedelta

import pytest

from db.states import EXIT_NO_ROOM, Reason, RunState
from jobs.ending import Circumstances, RankEnd, judge
from jobs.rank_process import COULD_NOT_LOG
from jobs.run_files import Exit, Outcome

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def said(state: RunState, reason: Reason, at: float = 0.0, text: str = "It is so.") -> Outcome:
    return Outcome(state, reason, text, "", after(at))


def killed(number: int, at: float = 0.0) -> Exit:
    return Exit(-number, after(at))


def test_a_finished_run_is_finished_although_it_crashed_while_tidying_up() -> None:
    ends = [
        RankEnd(0, said(RunState.FINISHED, Reason.COMPLETED), killed(signal.SIGSEGV, 1)),
        RankEnd(1, None, Exit(1, after(2))),
    ]
    verdict = judge(ends, Circumstances())
    assert (verdict.state, verdict.reason, verdict.rank) == (RunState.FINISHED, Reason.COMPLETED, None)


def test_the_rank_that_was_killed_is_blamed_and_not_the_one_that_lost_its_connection() -> None:
    lost = said(RunState.FAILED, Reason.EXCEPTION, at=0.4, text="Connection closed by peer")
    ends = [RankEnd(0, lost, Exit(1, after(0.5))), RankEnd(1, None, killed(signal.SIGKILL, 0.1))]
    verdict = judge(ends, Circumstances())
    assert (verdict.state, verdict.reason, verdict.rank) == (RunState.FAILED, Reason.SIGNAL, 1)
    assert "SIGKILL" in verdict.text


def test_the_rank_with_the_error_is_blamed_and_not_the_one_that_was_aborted_after() -> None:
    ends = [
        RankEnd(0, None, killed(signal.SIGABRT, 3)),
        RankEnd(1, said(RunState.FAILED, Reason.OUT_OF_MEMORY, at=1), Exit(1, after(1.1))),
    ]
    verdict = judge(ends, Circumstances())
    assert (verdict.reason, verdict.rank) == (Reason.OUT_OF_MEMORY, 1)


def test_a_rank_that_the_supervisor_killed_is_never_blamed() -> None:
    ends = [RankEnd(0, None, killed(signal.SIGKILL, 5), "sibling"), RankEnd(1, None, Exit(3, after(2)))]
    verdict = judge(ends, Circumstances())
    assert (verdict.reason, verdict.rank) == (Reason.EXCEPTION, 1)
    assert "exit code 3" in verdict.text


def test_a_stop_by_force_says_who_asked() -> None:
    ends = [RankEnd(0, None, killed(signal.SIGKILL), "stop")]
    verdict = judge(ends, Circumstances(stop_by="ana", stop_kind="stop"))
    assert (verdict.state, verdict.reason) == (RunState.STOPPED, Reason.STOPPED_BY_USER)
    assert "ana" in verdict.text
    assert "force" in verdict.text


def test_a_gentle_stop_says_who_asked() -> None:
    ends = [RankEnd(0, said(RunState.STOPPED, Reason.STOPPED_BY_USER, text="Stopped at step 10."))]
    verdict = judge(ends, Circumstances(stop_by="ana", stop_kind="stop"))
    assert verdict.text == "Stopped at step 10, asked by ana."
    assert verdict.rank is None


def test_stopped_while_it_was_starting() -> None:
    verdict = judge([RankEnd(0, None, killed(signal.SIGTERM))], Circumstances(stop_by="ana"))
    assert (verdict.state, verdict.reason) == (RunState.STOPPED, Reason.STOPPED_BY_USER)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_is_a_crash_although_somebody_asked_to_stop(number: signal.Signals) -> None:
    verdict = judge([RankEnd(0, None, killed(number))], Circumstances(stop_by="ana"))
    assert (verdict.state, verdict.reason) == (RunState.FAILED, Reason.SIGNAL)
    assert number.name in verdict.text


def test_out_of_memory_is_said_as_a_guess() -> None:
    verdict = judge([RankEnd(0, None, killed(signal.SIGKILL))], Circumstances(memory_killer=True))
    assert verdict.reason is Reason.OUT_OF_MEMORY
    assert "Probably" in verdict.text
    assert "guess" in verdict.text


def test_nobody_saw_it_end() -> None:
    verdict = judge([RankEnd(0)], Circumstances(last_activity=after(-60)))
    assert (verdict.state, verdict.reason, verdict.at) == (RunState.LOST, Reason.VANISHED, after(-60))


def test_the_machine_was_started_anew() -> None:
    verdict = judge([RankEnd(0)], Circumstances(rebooted=True))
    assert verdict.state is RunState.LOST
    assert "machine was started anew" in verdict.text


def test_a_run_that_said_nothing_and_ended_well_is_not_called_finished() -> None:
    assert judge([RankEnd(0, None, Exit(0, START))], Circumstances()).state is RunState.LOST


def test_no_log_means_no_room() -> None:
    assert judge([RankEnd(0, None, Exit(EXIT_NO_ROOM, START))], Circumstances()).reason is Reason.DISK_FULL
    assert judge([RankEnd(0, None, Exit(COULD_NOT_LOG, START))], Circumstances()).reason is Reason.DISK_FULL


def test_a_signal_without_a_name() -> None:
    assert "signal 44" in judge([RankEnd(0, None, killed(44))], Circumstances()).text


def test_what_hung_after_its_last_word_keeps_that_word() -> None:
    ends = [RankEnd(0, said(RunState.FINISHED, Reason.COMPLETED), killed(signal.SIGKILL, 20), "hung")]
    assert judge(ends, Circumstances()).state is RunState.FINISHED
