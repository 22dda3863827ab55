"""Real processes: a queued run becomes a process, and whatever dies, the row tells the truth."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from db import queue, runs, supervisors
from db.home import PROJECT_ROOT, home, run_folder
from db.states import Reason, RunState
from jobs import control, place
from jobs.wake import DESCRIBE, wake
from tests.jobs.conftest import World, wait_for


def test_a_queued_run_is_done_and_its_end_recorded(world: World) -> None:
    world.start()
    run = world.wait_ended(world.queue("finish"))
    assert (run.state, run.reason, run.reason_text) == (RunState.FINISHED, Reason.COMPLETED, "Finished.")
    log = (run_folder(run.id) / "logs" / "attempt-1-rank-0.log").read_text(encoding="utf-8")
    assert log.startswith("rank 0 of 1, attempt 1, port ")
    assert "the last line of a good run" in log
    assert (run_folder(run.id) / "config.yaml").exists()
    wait_for(lambda: world.run(run.id).folder_bytes > 0)


def test_an_exception_leaves_its_class_and_the_last_lines(world: World) -> None:
    world.start()
    run = world.wait_ended(world.queue("fail"))
    assert (run.state, run.reason, run.failing_rank) == (RunState.FAILED, Reason.EXCEPTION, 0)
    assert run.reason_text == "ValueError: the fake model does not like this batch"
    assert "line 99" in run.last_lines
    assert run.last_lines.endswith("ValueError: the fake model does not like this batch")


@pytest.mark.parametrize(
    ("act", "reason", "words"),
    [("leave", Reason.EXCEPTION, "exit code 3"), ("crash", Reason.SIGNAL, "SIGSEGV")],
)
def test_a_rank_that_says_nothing_is_judged_by_its_exit_code(
    world: World, act: str, reason: Reason, words: str
) -> None:
    world.start()
    run = world.wait_ended(world.queue(act))
    assert (run.state, run.reason) == (RunState.FAILED, reason)
    assert words in run.reason_text


def test_kill_9_of_the_rank(world: World) -> None:
    world.start()
    run_id = world.queue("wait")
    os.kill(world.wait_running(run_id)[0], signal.SIGKILL)
    run = world.wait_ended(run_id)
    assert (run.state, run.reason) == (RunState.FAILED, Reason.SIGNAL)
    assert "SIGKILL" in run.reason_text


def test_when_one_of_two_ranks_dies_the_other_is_ended_and_the_right_one_blamed(world: World) -> None:
    world.start()
    run_id = world.queue("stubborn", processes=2)
    first, second = world.wait_running(run_id)
    os.kill(second, signal.SIGKILL)
    run = world.wait_ended(run_id)
    assert (run.state, run.reason, run.failing_rank) == (RunState.FAILED, Reason.SIGNAL, 1)
    assert not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE
    assert {path.name for path in (run_folder(run_id) / "logs").iterdir()} == {
        "attempt-1-rank-0.log",
        "attempt-1-rank-1.log",
    }


def test_kill_9_of_the_supervisor_leaves_the_run_alone_and_the_next_one_takes_it_up(world: World) -> None:
    world.start()
    run_id = world.queue("wait")
    (pid,) = world.wait_running(run_id)
    world.kill_supervisor()
    assert psutil.pid_exists(pid)
    step = world.run(run_id).step
    wait_for(lambda: world.run(run_id).step > step)
    world.start()
    assert world.run(run_id).state is RunState.RUNNING
    os.kill(pid, signal.SIGKILL)
    run = world.wait_ended(run_id)
    # The exit code is known although no living supervisor is the parent of anything that is.
    assert (run.state, run.reason, run.attempt) == (RunState.FAILED, Reason.SIGNAL, 1)


def test_a_run_that_finished_while_no_supervisor_lived_is_finished(world: World) -> None:
    world.start()
    run_id = world.queue("wait")
    (pid,) = world.wait_running(run_id)
    world.kill_supervisor()
    os.kill(pid, signal.SIGTERM)
    wait_for((run_folder(run_id) / "exit-1-rank-0.json").exists)
    assert world.run(run_id).state is RunState.RUNNING
    world.start()
    run = world.wait_ended(run_id)
    assert (run.state, run.reason) == (RunState.STOPPED, Reason.STOPPED_BY_USER)


def test_everything_killed_at_once_is_told_as_lost_after_the_restart(world: World) -> None:
    world.start()
    run_id = world.queue("wait")
    world.wait_running(run_id)
    world.clear()
    assert world.run(run_id).state is RunState.RUNNING
    world.start()
    run = world.wait_ended(run_id)
    assert (run.state, run.reason) == (RunState.LOST, Reason.VANISHED)
    assert run.ended_at == run.last_activity_at
    assert "checkpoint" in run.reason_text


def test_a_second_supervisor_says_who_holds_the_place(world: World) -> None:
    pid = world.start()
    second = subprocess.run(
        [sys.executable, "-m", "jobs"], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode == 1
    assert f"process {pid} on " in second.stderr
    assert (place.holder() or {})["pid"] == pid


def test_a_gentle_stop_waits_for_the_run(world: World) -> None:
    world.start()
    run_id = world.queue("wait")
    world.wait_running(run_id)
    with world.database.writing() as session:
        control.stop(session, [run_id], "ana")
    with world.database.writing() as session:
        control.stop(session, [run_id], "ana")  # pressing twice changes nothing
    run = world.wait_ended(run_id)
    assert (run.state, run.reason) == (RunState.STOPPED, Reason.STOPPED_BY_USER)
    assert "ana" in run.reason_text


def test_a_stop_by_force_when_the_run_does_not_listen(world: World) -> None:
    world.set(stop_grace_seconds=0.3)
    world.start()
    run_id = world.queue("stubborn", processes=2)
    world.wait_running(run_id)
    with world.database.writing() as session:
        control.stop(session, [run_id], "ana")
    run = world.wait_ended(run_id)
    assert (run.state, run.reason) == (RunState.STOPPED, Reason.STOPPED_BY_USER)
    assert "by force" in run.reason_text
    assert run.failing_rank is None


def test_a_run_is_stopped_while_it_starts(world: World) -> None:
    world.start()
    run_id = world.queue("silent")
    wait_for(lambda: world.run(run_id).processes)
    assert world.run(run_id).state is RunState.STARTING
    with world.database.writing() as session:
        control.stop(session, [run_id], "ana")
    run = world.wait_ended(run_id)
    assert (run.state, run.reason) == (RunState.STOPPED, Reason.STOPPED_BY_USER)


def test_pause_and_resume_is_the_next_attempt_of_the_same_run(world: World) -> None:
    world.start()
    run_id = world.queue("wait")
    world.wait_running(run_id)
    with world.database.writing() as session:
        control.pause(session, [run_id], "ana")
    assert world.wait_ended(run_id).reason is Reason.PAUSED
    with world.database.writing() as session:
        said = control.resume(session, run_id, "ana")
    assert "from the beginning" in said
    world.wait_running(run_id)
    run = world.run(run_id)
    assert run.attempt == 2
    assert (run_folder(run_id) / "logs" / "attempt-2-rank-0.log").exists()


def test_the_queue_keeps_its_order_and_says_why_a_run_waits(world: World) -> None:
    world.set(max_cpu_runs=1)
    first, second, third = (world.queue("wait", name=name) for name in ("a", "b", "c"))
    world.start()
    world.wait_running(first)
    wait_for(lambda: f"run {first} holds it" in world.run(second).wait_reason)
    wait_for(lambda: world.run(third).wait_reason == f"waits behind run {second}")
    with world.database.writing() as session:
        control.move(session, third, second, "ana")
    wait_for(lambda: f"run {first} holds it" in world.run(third).wait_reason)
    with world.database.writing() as session:
        control.cancel(session, [second], "ana")
        control.stop(session, [first], "ana")
    world.wait_running(third)
    assert world.run(second).state is RunState.CANCELLED


def test_the_supervisor_ends_when_nobody_needs_it_and_says_so(world: World) -> None:
    world.start("SHORT")
    run_id = world.queue("finish")
    world.wait_ended(run_id)
    assert world.wait_supervisor() == 0
    assert not place.is_taken()
    with world.database.reading() as session:
        assert [row.phase for row in supervisors.all_of(session)] == ["ended"]


def test_ending_the_supervisor_leaves_runs_running(world: World) -> None:
    world.start()
    run_id = world.queue("wait")
    (pid,) = world.wait_running(run_id)
    assert world.end_supervisor() == 0
    step = world.run(run_id).step
    wait_for(lambda: world.run(run_id).step > step)
    assert psutil.pid_exists(pid)


def test_a_module_that_cannot_be_imported_hinders_no_run_and_is_told(world: World) -> None:
    world.start("BROKEN")
    run = world.wait_ended(world.queue("finish"))
    assert run.state is RunState.FINISHED

    def told() -> bool:
        with world.database.reading() as session:
            trouble = supervisors.all_of(session)[0].trouble
        return "broken on purpose" in trouble and "sorry state" in trouble

    wait_for(told)


def test_modules_are_described_at_the_start_and_when_asked(world: World) -> None:
    world.set(module_paths=("some.package",))
    world.start()
    described = home() / "described.txt"
    wait_for(described.exists)
    wait_for(lambda: described.read_text(encoding="utf-8") == '["some.package"]\n')
    wake(DESCRIBE)
    wait_for(lambda: described.read_text(encoding="utf-8").count("\n") == 2)


def test_the_warm_server_is_replaced_when_it_dies(world: World) -> None:
    supervisor = psutil.Process(world.start())
    world.wait_ended(world.queue("finish"))
    (server,) = supervisor.children()
    server.kill()
    wait_for(lambda: any(child.pid != server.pid for child in supervisor.children()))
    assert world.wait_ended(world.queue("finish")).state is RunState.FINISHED


def test_a_claim_without_a_process_goes_back_to_the_queue(world: World) -> None:
    run_id = world.queue("finish")
    with world.database.writing() as session:
        from db.machine import host_name

        assert queue.claim(session, run_id, host_name(), ["cpu"])
    world.start()
    run = world.wait_ended(run_id)
    assert run.state is RunState.FINISHED
    assert run.attempt == 1


def test_a_run_of_another_machine_is_not_touched(world: World) -> None:
    theirs = world.queue("finish")
    with world.database.writing() as session:
        assert queue.claim(session, theirs, "elsewhere", ["cpu"])
    world.start()
    world.wait_ended(world.queue("finish"))
    assert world.run(theirs).state is RunState.STARTING


def test_what_hangs_after_its_last_word_is_ended(world: World) -> None:
    world.start()
    run_id = world.queue("hang_at_the_end")
    run = world.wait_ended(run_id)
    assert run.state is RunState.FINISHED


def test_a_data_folder_that_cannot_be_written_is_told_and_nothing_is_lost(world: World) -> None:
    run_id = world.queue("finish")
    blocked = run_folder(run_id)
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the run's folder should be", encoding="utf-8")
    world.start()

    def told() -> bool:
        with world.database.reading() as session:
            return any("cannot be written" in row.trouble for row in supervisors.all_of(session))

    wait_for(told)
    assert "cannot be written" in world.run(run_id).wait_reason
    blocked.unlink()
    assert world.wait_ended(run_id).state is RunState.FINISHED


def test_hundreds_of_queued_runs_are_no_trouble(world: World) -> None:
    ids = [world.queue("finish") for _ in range(300)]
    with world.database.writing() as session:
        control.cancel(session, ids[20:], "ana")
    world.start()
    wait_for(lambda: all(world.run(run_id).state is RunState.FINISHED for run_id in ids[:20]), 60)
    with world.database.reading() as session:
        assert runs.counts_by_state(session)[RunState.CANCELLED] == 280


def test_the_supervisor_costs_next_to_nothing_while_idle(world: World) -> None:
    process = psutil.Process(world.start())
    world.wait_ended(world.queue("finish"))
    before = process.cpu_times()
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(3)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    assert used < 0.15, f"{used / 3:.1%} of a core"
