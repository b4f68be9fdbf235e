"""The launcher against a scripted Slurm: one submission, its log and its exit code, whatever happens meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwise.cluster import jobs, launcher, slurm
from stepwise.cluster.jobs import Job, Resources
from stepwise.params import LauncherParams, ParamsError
from tests.cluster.clusters import install

REPO = Path(__file__).resolve().parents[2]
PARAMS = LauncherParams(kind="slurm", poll_seconds=0.1)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with the job template, and a scripted cluster on the path; returns the cluster's folder."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return install(tmp_path, project, monkeypatch)


def launch(command: list[str], key: str = "k", outs: tuple[Path, ...] = ()) -> int:
    return launcher.launch(Job("warm_up", tuple(command), key, outs), PARAMS)


def submitted(cluster: Path) -> int:
    return sum(1 for entry in cluster.iterdir() if entry.name.isdigit())


def until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail(f"waited 10 s for {what}")


def shell(text: str) -> list[str]:
    return ["bash", "-c", text]


def elsewhere(command: list[str], **more: str) -> subprocess.Popen[bytes]:
    """A launch in a process of its own, that can be killed."""
    code = (
        "from pathlib import Path; from stepwise.cluster.jobs import Job; from stepwise.cluster.launcher import launch;"
        "from stepwise.params import LauncherParams;"
        f"job = Job('warm_up', tuple({command!r}), 'k', (Path('models/out'),));"
        "raise SystemExit(launch(job, LauncherParams(kind='slurm', poll_seconds=0.1)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    code = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {code}"  # a shell's & ignores it
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE)


def test_the_job_script_is_the_golden_one(cluster: Path) -> None:
    job = Job("warm_up", ("python", "stages/warm_up.py", "--task", "two words"), "0123abcd", (Path("models/a b"),))
    resources = Resources(gpus=2, cpus=8, memory="64G", time="12:00:00", restarts=20)
    script = jobs.script(job, resources, LauncherParams(kind="slurm", partition="gpu", account="lab"))
    script = script.replace(str(Path.cwd()), "/project").replace(job.name, "stepwise-warm_up")
    assert script == (Path(__file__).parent / "golden_job.sh").read_text()


def test_a_job_runs_marked_as_one_and_its_log_is_streamed(cluster: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = launch(shell("echo job=$STEPWISE_JOB $DVC_STAGE; sleep 0.3; echo trained; echo là >&2"))
    log = capfd.readouterr().err
    assert code == 0
    assert (
        log.index("submitted job 100")
        < log.index("job=.work/slurm/warm_up-k warm_up")
        < log.index("trained")
        < log.index("là")
    )


def test_the_exit_code_is_the_commands(cluster: Path) -> None:
    assert launch(shell("exit 7")) == 7
    assert launch(shell("exit 7")) == 7
    assert submitted(cluster) == 2, "a failed job is not taken for the answer of the next run"


def test_a_killed_launcher_finds_its_job_again(cluster: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = shell("sleep 1.5; echo trained; exit 5")
    first = elsewhere(command)
    until(lambda: (jobs.JOBS / "warm_up-k" / "job").exists(), "the submission")
    first.send_signal(signal.SIGKILL)
    first.wait()
    code = launch(command)
    log = capfd.readouterr().err
    assert code == 5
    assert submitted(cluster) == 1
    assert "re-attached to job 100" in log
    assert "trained" in log


def test_a_launcher_killed_between_submission_and_record_finds_its_job_by_name(cluster: Path) -> None:
    command = shell("sleep 1; exit 5")
    first = elsewhere(command)
    record = jobs.JOBS / "warm_up-k" / "job"
    until(record.exists, "the submission")
    first.send_signal(signal.SIGKILL)
    first.wait()
    record.unlink()
    assert launch(command) == 5
    assert submitted(cluster) == 1


def test_a_job_that_ended_unwatched_keeps_its_outputs_for_the_rerun(cluster: Path) -> None:
    command = shell("mkdir -p models/out; echo weights > models/out/model")
    first = elsewhere(command)
    until(lambda: (jobs.JOBS / "warm_up-k" / "job").exists(), "the submission")
    first.send_signal(signal.SIGKILL)
    first.wait()
    until(lambda: (jobs.JOBS / "warm_up-k" / "code").exists(), "the end of the job")
    shutil.rmtree("models")  # as `dvc repro` does before it runs a stage again
    assert launch(command, outs=(Path("models/out"),)) == 0
    assert Path("models/out/model").read_text() == "weights\n"
    assert submitted(cluster) == 1
    assert launch(command, outs=(Path("models/out"),)) == 0
    assert submitted(cluster) == 2, "an answer is given once"


def test_other_work_is_another_job(cluster: Path) -> None:
    assert launch(shell("exit 0"), key="k1") == 0
    assert launch(shell("exit 0"), key="k2") == 0
    assert len(list(jobs.JOBS.iterdir())) == 2


def test_a_job_near_its_time_limit_stops_and_resumes_in_its_next_run(
    cluster: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = shell("if [ -e journal ]; then echo resumed; exit 0; fi; touch journal; exec sleep 60")
    waiting = elsewhere(command)
    until(Path("journal").exists, "the first run")
    os.kill(int((cluster / "100" / "pid").read_text()), signal.SIGUSR1)
    _, log = waiting.communicate(timeout=20)
    assert waiting.returncode == 0
    assert b"resumed" in log
    assert submitted(cluster) == 1


def test_a_preempted_job_is_followed_through_the_queue(cluster: Path) -> None:
    """Slurm sends TERM and queues the job again by itself; the script must not ask for it a second time."""
    command = shell("if [ -e journal ]; then exit 4; fi; touch journal; exec sleep 60")
    waiting = elsewhere(command)
    until(Path("journal").exists, "the first run")
    (cluster / "100" / "requeue").touch()
    os.kill(int((cluster / "100" / "pid").read_text()), signal.SIGTERM)
    waiting.communicate(timeout=20)
    assert waiting.returncode == 4
    assert submitted(cluster) == 1


def test_a_refused_submission_says_why(cluster: Path) -> None:
    (cluster / "refuse").touch()
    with pytest.raises(slurm.SlurmError, match=r"sbatch failed: .*Invalid account"):
        launch(shell("exit 0"))


def test_no_slurm_here_names_the_remedy(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(slurm.SlurmError, match="launcher=local"):
        launch(shell("exit 0"))


def test_a_cancelled_job_is_an_error_that_says_so(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "CODE_DEADLINE", 0.2)
    first = elsewhere(shell("exec sleep 60"))
    until(lambda: (cluster / "100" / "pid").exists(), "the start of the job")
    first.send_signal(signal.SIGKILL)
    first.wait()
    folder = jobs.JOBS / "warm_up-k"
    slurm.cancel("100")
    with pytest.raises(slurm.SlurmError, match=r"job 100 left the queue.*JobState=CANCELLED"):
        launcher._follow("100", folder, 0.05)


def test_a_controller_that_is_away_for_a_while_is_waited_for(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = elsewhere(shell("sleep 1; exit 6"))
    until(lambda: (cluster / "100" / "pid").exists(), "the start of the job")
    (cluster / "away").touch()
    assert waiting.wait(timeout=20) == 6, "the exit code comes through the file system"


def test_a_controller_that_stays_away_is_an_error_in_the_end(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "SILENCE_DEADLINE", 0.3)
    (cluster / "away").touch()
    with pytest.raises(slurm.SlurmError, match=r"no answer about job 100 .*run again to re-attach"):
        launcher._follow("100", jobs.JOBS, 0.1)


def test_ctrl_c_leaves_the_job_and_a_second_one_cancels_it(cluster: Path) -> None:
    waiting = elsewhere(shell("exec sleep 60"))
    until(lambda: (cluster / "100" / "pid").exists(), "the start of the job")
    time.sleep(0.3)
    waiting.send_signal(signal.SIGINT)
    time.sleep(1)
    assert (cluster / "100" / "state").read_text() == "RUNNING"
    waiting.send_signal(signal.SIGINT)
    _, log = waiting.communicate(timeout=10)
    assert waiting.returncode == 130
    assert b"job 100 is cancelled" in log
    assert (cluster / "100" / "state").read_text() == "CANCELLED"


def test_resources_are_the_default_with_the_stages_own_on_top(cluster: Path) -> None:
    jobs.RESOURCES.write_text(
        "default: {gpus: 0, cpus: 4, memory: 16G, time: '02:00:00', restarts: 5}\nwarm_up: {gpus: 1}\nbad: {gpu: 1}\n"
    )
    assert jobs.resources("warm_up") == Resources(gpus=1, cpus=4, memory="16G", time="02:00:00", restarts=5)
    assert jobs.resources("evaluate").gpus == 0
    with pytest.raises(ParamsError, match=r"resources.yaml: bad: gpu"):
        jobs.resources("bad")


def test_dry_run_prints_a_script_that_bash_reads() -> None:
    command = [
        sys.executable,
        "-m",
        "stepwise.cluster.launcher",
        "--dry-run",
        "warm_up",
        "--",
        "python",
        "stages/warm_up.py",
    ]
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    script = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True, check=True).stdout
    assert "#SBATCH --gres=gpu:1" in script
    assert "python stages/warm_up.py &" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_dry_run_of_a_stage_that_shares_a_script_needs_its_command() -> None:
    command = [sys.executable, "-m", "stepwise.cluster.launcher", "--dry-run", "reft_evaluate"]
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    result = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True)
    assert result.returncode == 2
    assert "there is no stages/reft_evaluate.py: give the stage's command after --" in result.stderr
