"""Keep a run in a folder: one Parquet file per table, and ``run.json`` with all the rest.

A folder belongs to one run, which is a scenario with its seed. Another run is refused;
the same one, say a partial result that is now complete, replaces what is there. Files are
written beside it first and moved in whole, so a reader never sees half of one.

Example:
    >>> from peerrec_sim.scenario.schema import Scenario
    >>> run_id(Scenario(name="tiny")) == run_id(Scenario(name="tiny", seed=1))
    False
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from peerrec.errors import ConfigError, DataError
from peerrec_sim.measures.columns import SCHEMAS
from peerrec_sim.measures.table import Schema, Table
from peerrec_sim.reports.extras import needed
from peerrec_sim.scenario.schema import Scenario

if TYPE_CHECKING:
    from peerrec_sim.measures.result import RunResult

__all__ = [
    "RUN_FILE",
    "check_folder",
    "facts_in",
    "machine",
    "read",
    "run_id",
    "store",
    "versions",
]

RUN_FILE = "run.json"
FORMAT = 1
"""Of ``run.json``; a reader refuses what is newer."""

PACKAGES = ("peerrec", "numpy", "scipy", "msgspec", "msgpack", "cryptography", "pyarrow")


def run_id(scenario: Scenario) -> str:
    """Return 16 hexadecimal digits that name a scenario with its seed."""
    packed = msgspec.json.encode(scenario, order="deterministic")
    return hashlib.blake2b(packed, digest_size=8).hexdigest()


def file_of(schema: Schema) -> str:
    """Return the name of a table's file; the table of nodes is what others call results."""
    return "results.parquet" if schema.name == "nodes" else f"{schema.name}.parquet"


# -- whose folder it is --------------------------------------------------------------------


def check_folder(folder: Path | str, scenario: Scenario) -> None:
    """Refuse a folder that cannot take this run; call it before a run starts.

    Raises:
        ConfigError: it holds another run or other files, or is no folder.
    """
    path = Path(folder)
    if not path.exists():
        return
    if not path.is_dir():
        raise ConfigError("--out", str(path), "it is a file; name a folder")
    if not any(path.iterdir()):
        return
    run_file = path / RUN_FILE
    if not run_file.is_file():
        raise ConfigError("--out", str(path), "it holds files that are no run; name a new folder")
    held = _facts(run_file)
    if held.get("run_id") != run_id(scenario):
        other = held.get("scenario")
        name = other.get("name") if isinstance(other, dict) else None
        raise ConfigError(
            "--out",
            str(path),
            f"it holds another run ({name}, seed {held.get('seed')}); name a new folder",
        )


def _facts(run_file: Path) -> dict[str, Any]:
    try:
        facts = msgspec.json.decode(run_file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError) as error:
        raise DataError(f"{run_file} cannot be read: {error}; remove the folder") from None
    if not isinstance(facts.get("format"), int) or facts["format"] > FORMAT:
        raise DataError(
            f"{run_file} has format {facts.get('format')!r}, which this version does not know"
        )
    return facts


# -- writing -------------------------------------------------------------------------------


def store(result: RunResult, folder: Path, more: Mapping[str, bytes]) -> None:
    """Write a run and further files into a folder; it is made where it is missing.

    Args:
        result: the run.
        folder: where to.
        more: content of further files, by name; names may lead into subfolders.

    Raises:
        ConfigError: the folder holds another run, or this one complete where the result
            is partial; nothing was written.
    """
    check_folder(folder, result.scenario)
    before = _facts(folder / RUN_FILE) if (folder / RUN_FILE).is_file() else {}
    if before.get("complete") and not result.complete:
        raise ConfigError(
            "--out", str(folder), "it holds this run complete; a partial one does not replace that"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as name:
        beside = Path(name)
        files: list[str] = []
        for table in result.tables():
            files.append(file_of(table.schema))
            _write_parquet(table, beside / files[-1])
        for file_name, content in more.items():
            files.append(file_name)
            (beside / file_name).parent.mkdir(parents=True, exist_ok=True)
            (beside / file_name).write_bytes(content)
        facts = msgspec.json.encode(facts_of(result, [*files, RUN_FILE]))
        (beside / RUN_FILE).write_bytes(msgspec.json.format(facts, indent=2) + b"\n")
        # First of all: from here on the folder belongs to this run.
        for file_name in [RUN_FILE, *files]:
            (folder / file_name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(beside / file_name, folder / file_name)
    for file_name in sorted(set(map(str, before.get("files", ()))) - {RUN_FILE, *files}):
        if (folder / file_name).resolve().is_relative_to(folder.resolve()):
            (folder / file_name).unlink(missing_ok=True)


def facts_of(result: RunResult, files: list[str]) -> dict[str, Any]:
    """Return what ``run.json`` says; numbers that are no numbers become null."""
    summary = {
        name: value if np.isfinite(value) else None for name, value in result.summary().items()
    }
    tables = {
        table.schema.name: {"file": file_of(table.schema), "rows": len(table)}
        for table in result.tables()
    }
    return {
        "format": FORMAT,
        **result.as_dict(),
        "summary": summary,
        "tables": tables,
        "files": sorted(files),
        "versions": versions(),
        "machine": machine(),
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that shape a result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str | int]:
    """Return what the run was computed on; no name of the machine or its user."""
    found: dict[str, str | int] = {
        "system": platform.system(),
        "release": platform.release(),
        "processor": platform.machine(),
        "cores": os.cpu_count() or 1,
    }
    if sys.platform != "win32":
        found["memory_mb"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return found


def _write_parquet(table: Table, path: Path) -> None:
    arrow = needed("pyarrow", "writing tables")
    parquet = needed("pyarrow.parquet", "writing tables")
    fields, arrays = [], []
    for column in table.schema.columns:
        array = arrow.array(table[column.name])
        if np.dtype(column.dtype).kind == "U":
            array = array.dictionary_encode()
        about = {"meaning": column.meaning}
        fields.append(arrow.field(column.name, array.type, metadata=about))
        arrays.append(array)
    about = {"meaning": table.schema.meaning, "table": table.schema.name}
    schema = arrow.schema(fields, metadata=about)
    parquet.write_table(arrow.Table.from_arrays(arrays, schema=schema), path, compression="zstd")


# -- reading -------------------------------------------------------------------------------


def facts_in(folder: Path | str) -> dict[str, Any]:
    """Return what the ``run.json`` of a folder says.

    Raises:
        DataError: there is none, or it is damaged.
    """
    path = Path(folder)
    if not (path / RUN_FILE).is_file():
        raise DataError(f"{path} holds no run: there is no {RUN_FILE} in it")
    return _facts(path / RUN_FILE)


def read(folder: Path | str) -> RunResult:
    """Return the run that a folder holds.

    Raises:
        DataError: there is none, or it is damaged.
    """
    from peerrec_sim.measures.result import RunResult

    path, facts = Path(folder), facts_in(folder)
    names = {each.name for each in dataclasses.fields(RunResult)}
    values = {key: value for key, value in facts.items() if key in names}
    tables = facts.get("tables", {})
    try:
        values["scenario"] = msgspec.convert(facts["scenario"], Scenario)
        values["notes"] = tuple(facts["notes"])
        for schema in SCHEMAS:
            if schema.name in tables:
                values[schema.name] = _read_parquet(schema, path / file_of(schema))
        return RunResult(**values)
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise DataError(f"{path / RUN_FILE} is no run of this version: {error}") from None


def _read_parquet(schema: Schema, path: Path) -> Table:
    """Return a table; columns that it lacks are blank, others are left out."""
    parquet = needed("pyarrow.parquet", "reading tables")
    known = {column.name for column in schema.columns}
    try:
        found = parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    return schema.of(
        {
            name: found.column(name).to_numpy() if len(found) else []
            for name in found.column_names
            if name in known
        }
    )
