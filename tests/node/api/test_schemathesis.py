"""Made-up requests by the thousand get documented answers, and none that is a mistake of ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from peerrec_node.api.openapi import description
from peerrec_node.api.server import ROUTES

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "negative_data_rejection",
    "ignored_auth",
)

BESIDE = Path(sys.executable).with_name("schemathesis")


LASTING = "/api/v1/events"
"""Never ends; tested by itself."""


@pytest.mark.slow
@pytest.mark.parametrize(("scope", "n_examples"), [("admin", 40), ("record", 10), ("read", 10)])
def test_every_answer_to_made_up_requests_is_documented(client, tmp_path, scope, n_examples):
    program = str(BESIDE) if BESIDE.exists() else shutil.which("schemathesis")
    if program is None:
        pytest.skip("needs schemathesis, of the dev group")
    result = subprocess.run(
        [
            program,
            "run",
            f"http://127.0.0.1:{client.port}/api/openapi.json",
            f"--exclude-path={LASTING}",
            f"--header=Authorization: Bearer {client.tokens[scope]}",
            f"--max-examples={n_examples}",
            f"--checks={','.join(CHECKS)}",
            "--no-color",
        ],
        cwd=tmp_path,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout
    # It leaves out by itself where it has the description from.
    n_all = sum(map(len, description(ROUTES)["paths"].values())) - 1
    assert f"Selected: {n_all - 1}/{n_all}" in result.stdout
    assert f"Tested: {n_all - 1}" in result.stdout
