"""The built wheel works in an empty environment: its data files are in it, and nothing of the work tree is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*words: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([str(w) for w in words], cwd=cwd, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_every_rule_table_template_and_demo_log_is_in_the_wheel(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f.relative_to(ROOT / "src").as_posix()
        for f in (ROOT / "src").rglob("*")
        if f.is_file() and f.suffix in (".toml", ".j2", ".jsonl", ".json", ".md", ".typed", ".py")
    }
    assert wanted <= packed
    assert len([w for w in wanted if w.endswith(".jsonl")]) > 50


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_runs_the_demo_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    lock = ROOT / "requirements.lock"
    pip = (python, "-m", "pip", "install", "-q", "--disable-pip-version-check")
    try:
        run(*pip, "--require-hashes", "-r", lock, cwd=tmp_path)
    except AssertionError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the package index cannot be reached: {str(error)[-200:]}")
    run(*pip, "--no-deps", wheel, cwd=tmp_path)
    clean = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG")} | {"HOME": str(tmp_path)}
    said = run(tmp_path / "env" / "bin" / "memento", "demo", "--into", tmp_path / "demo", cwd=tmp_path, env=clean)
    assert "Rollback: commit" in said
    assert "intact" in said
    assert (tmp_path / "demo" / "report.html").is_file()
    assert "0.1.0" in run(tmp_path / "env" / "bin" / "memento-skills", "--version", cwd=tmp_path, env=clean)
