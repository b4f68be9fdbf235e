import hashlib
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stepwise.tracking import provenance

LOCK = """
schema: '2.0'
stages:
  prepare_tasks@toy:
    cmd: python stages/prepare_tasks.py
    outs:
    - {path: data/tasks/toy, hash: md5, md5: 0123.dir, size: 5, nfiles: 1}
    - {path: metrics/toy.json, hash: md5, md5: '4567', size: 5}
"""


def test_folder_hash_is_the_one_of_dvc(tmp_path):
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.db import HashFileDB
    from dvc_objects.fs.local import LocalFileSystem

    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    for name, text in {"config.json": "{}", "sub.txt": "x", "sub/b": "two", "sub/a": "one"}.items():
        (folder / name).write_text(text)
    files = LocalFileSystem()
    _, _, built = build(HashFileDB(files, str(tmp_path / "cache")), str(folder), files, "md5")
    assert provenance.dvc_md5(folder) == built.hash_info.value
    assert provenance.dvc_md5(folder).endswith(".dir")
    assert provenance.dvc_md5(folder / "config.json") == "99914b932bd37a50b983c5e7c90ae93b"


def test_data_versions_come_from_the_lock_and_from_pointers(tmp_path):
    (tmp_path / "dvc.lock").write_text(LOCK)
    (tmp_path / "raw.jsonl.dvc").write_text("outs:\n- md5: abcd\n  path: raw.jsonl\n")
    versions = provenance.data_versions(["data/tasks/toy", "raw.jsonl", "warm_up", "elsewhere"], tmp_path)
    assert versions == {"data/tasks/toy": "0123.dir", "raw.jsonl": "abcd"}
    assert provenance.data_versions(["data"], tmp_path / "nowhere") == {}


def test_dvc_lock_is_not_read_while_dvc_writes_it(tmp_path):
    """DVC writes it in place under the lock of its repository; another stage may look at that moment."""
    from dvc.lock import Lock

    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    with ThreadPoolExecutor(1) as pool:
        with Lock(str(tmp_path / ".dvc" / "tmp" / "lock")):
            (tmp_path / "dvc.lock").write_text(LOCK[:-40])
            stages = pool.submit(provenance.locked_stages, tmp_path)
            time.sleep(0.3)
            (tmp_path / "dvc.lock").write_text(LOCK)
        assert [out["path"] for out in stages.result()["prepare_tasks@toy"]["outs"]] == [
            "data/tasks/toy",
            "metrics/toy.json",
        ]
    with Lock(str(tmp_path / ".dvc" / "tmp" / "lock")):
        pass  # reading has let go of it


def test_a_version_comes_back_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[cache]\n    dir = ../store\n")
    content = {"a.txt": b"one", "sub/b.txt": b"two"}
    model = tmp_path / "model"
    for name, data in content.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(data)
    md5 = provenance.dvc_md5(model)
    assert provenance.from_cache(md5, tmp_path) is None
    hashes = {name: hashlib.md5(data).hexdigest() for name, data in content.items()}
    listing = [{"md5": hashes[name], "relpath": name} for name in sorted(content)]
    store = tmp_path / "store" / "files" / "md5"
    for name, data in [
        (md5, json.dumps(listing).encode()),
        *((hashlib.md5(d).hexdigest(), d) for d in content.values()),
    ]:
        (store / name[:2]).mkdir(parents=True, exist_ok=True)
        (store / name[:2] / name[2:]).write_bytes(data)
    version = provenance.from_cache(md5, tmp_path)
    assert provenance.dvc_md5(version) == md5
    assert provenance.from_cache(md5, tmp_path) == version


def test_code_state_ignores_what_the_pipeline_rewrites(tmp_path):
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=tmp_path, check=True)

    (tmp_path / "metrics").mkdir()
    for name in ("code.py", "dvc.lock", "metrics/report.json"):
        (tmp_path / name).write_text("1")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    commit, dirty = provenance.code_state(tmp_path)
    assert (len(commit), dirty) == (40, False)
    (tmp_path / "dvc.lock").write_text("2")
    (tmp_path / "metrics/report.json").write_text("2")
    assert provenance.code_state(tmp_path) == (commit, False)
    (tmp_path / "code.py").write_text("2")
    assert provenance.code_state(tmp_path) == (commit, True)


def test_outside_a_repository_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.code_state(tmp_path) == ("", False)


@pytest.mark.parametrize(("inside", "home"), [("repo", "repo"), ("repo/.dvc/tmp/exps/tmpab", "repo")])
def test_home_outlives_an_experiment(tmp_path, monkeypatch, inside, home):
    (tmp_path / inside / ".dvc").mkdir(parents=True)
    (tmp_path / inside / "below").mkdir()
    monkeypatch.chdir(tmp_path / inside / "below")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "repo"))  # as DVC sets it in both
    assert provenance.root() == tmp_path / inside
    assert provenance.home() == tmp_path / home


def test_outside_dvc_the_root_is_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert provenance.root() == tmp_path


def test_machine_is_text():
    facts = provenance.machine()
    assert int(facts["cores"]) >= 1
    assert int(facts["memory_gib"]) >= 1
    assert facts["cpu"]
    assert all(isinstance(value, str) for value in facts.values())
