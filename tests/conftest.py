"""What all tests share: where the real data is, and a refusal to skip it in CI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Locally every run looks for new examples; where a change is judged, the same ones decide.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

REPOSITORY = Path(__file__).resolve().parent.parent


def find_data() -> Path | None:
    """Return the folder of real data sets, or None where there is none."""
    folder = Path(os.environ.get("PEERREC_DATA", REPOSITORY.parent / "shared" / "data"))
    return folder if (folder / "README.md").is_file() else None


@pytest.fixture(scope="session")
def data_folder() -> Path:
    folder = find_data()
    if folder is None:
        pytest.skip("needs the real data sets: set PEERREC_DATA to their folder")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Turn a skipped data test into a failure where the data is there."""
    report = yield
    if report.skipped and item.get_closest_marker("data") and find_data() is not None:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: the data is present, yet the test was skipped"
    return report
