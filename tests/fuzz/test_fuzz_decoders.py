"""Whatever fuzzing ever reached is judged again in every run; new ground on demand."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FOLDER = Path(__file__).resolve().parent
SECONDS = int(os.environ.get("PEERREC_FUZZ_S", "15"))


def load() -> Any:
    spec = importlib.util.spec_from_file_location("fuzz_decoders", FOLDER / "fuzz_decoders.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FUZZ = load()
TARGETS = {name: make() for name, make in FUZZ.TARGETS.items()}
CORPUS = {name: sorted((FUZZ.CORPUS / name).iterdir()) for name in TARGETS}


@pytest.mark.parametrize("name", TARGETS)
def test_the_kept_inputs_are_judged_without_an_exception(name: str):
    assert CORPUS[name]
    for path in CORPUS[name]:
        TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs_changed_at_random_are_judged_without_an_exception(name: str):
    kept = [path.read_bytes() for path in CORPUS[name]]

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(kept), st.integers(0, 300), st.integers(0, 9), st.binary(max_size=9))
    def judge(data: bytes, at: int, removed: int, added: bytes) -> None:
        TARGETS[name](data[:at] + added + data[at + removed :])

    judge()


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_fuzzing_for_a_while_finds_nothing(name: str, tmp_path: Path):
    pytest.importorskip("atheris", reason="fuzzing needs atheris: pip install atheris")
    path = os.pathsep.join([str(FOLDER.parents[1]), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, FOLDER / "fuzz_decoders.py", name, str(SECONDS), tmp_path],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS * 4 + 60,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4_000:]
