"""Compile what every message passes through, where the environment asks for it.

::

    PEERREC_COMPILED=1 pip install .

mypyc makes extension modules of the very sources: a simulation has the same trace, byte for
byte, in some four fifths of the time. That takes a C compiler and two minutes. Without the
variable, and for an editable install, nothing here does anything: the wheel is pure Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WANTED = "PEERREC_COMPILED"

NEEDS = ["mypy>=1.18", "setuptools", "numpy>=1.26", "msgspec>=0.18", "cryptography>=42"]
"""mypyc, and what tells it the types."""

# Left out: structs of msgspec, whose class keywords mypyc drops, what is subclassed
# or copied elsewhere (`Node`, stores), and what waits for numpy or a file anyway.
MODULES = {
    "peering": "circulation echoes library link reception sessions shelf switchboard",
    "protocol": "alarm anti_entropy bundle dialling elements following frontier gossip gossip_link "
    "keyed_hash link_table log_index membership outbox rates sampler scoring seen sync sync_asking "
    "sync_exchange sync_initiator sync_ranges sync_responder sync_states sync_transfer sync_view",
}
"""By package of `peerrec`."""


class CompiledHook(BuildHookInterface[Any]):
    """Adds extension modules to the wheel."""

    def dependencies(self) -> list[str]:
        """Return what building needs."""
        return NEEDS if os.environ.get(WANTED) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile in a copy, so that no checkout runs anything but its sources."""
        if not os.environ.get(WANTED) or version == "editable":
            return
        self._folder = TemporaryDirectory()
        work = Path(self._folder.name)
        shutil.copytree(Path(self.root) / "peerrec", work / "peerrec")
        (work / "mypy.ini").write_text("[mypy]\nignore_missing_imports = True\n")
        modules = [
            f"peerrec/{package}/{module}.py"
            for package, names in MODULES.items()
            for module in names.split()
        ]
        subprocess.run(
            [sys.executable, "-m", "mypyc", "--config-file", "mypy.ini", *modules],
            cwd=work,
            env={
                **os.environ,
                "MYPYC_OPT_LEVEL": "3",
                "MYPYC_DEBUG_LEVEL": "0",
                "MYPYC_MULTI_FILE": "1",
            },
            check=True,
        )
        suffix = ".pyd" if os.name == "nt" else ".so"
        made = [*work.glob(f"*{suffix}"), *(work / "peerrec").rglob(f"*{suffix}")]
        build_data["force_include"] |= {str(path): str(path.relative_to(work)) for path in made}
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Let go of the copy."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()
