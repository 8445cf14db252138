"""``peerrec doctor``: find what is wrong, and say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from peerrec_node.commands.common import answer, default_store, store_options
from peerrec_node.commands.running import config_option
from peerrec_node.diagnosis.findings import Finding, exit_code
from peerrec_node.invocation import invocation

if TYPE_CHECKING:
    from peerrec_node.diagnosis.patient import Patient

__all__ = ["doctor", "findings_of"]


@click.command()
@config_option
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    metavar="FILE.zip",
    help="Also pack what somebody needs to help; secrets and tastes are not in it.",
)
@click.option("--quick", is_flag=True, help="Do not read the whole store.")
@store_options
def doctor(
    config: Path | None, bundle: Path | None, quick: bool, store: Path | None, as_json: bool
) -> None:
    """Check store, key, settings, ports, clock, disk, daemon and links.

    A line for each finding; where it is not well, it says what to do. Nothing is changed.
    The exit code is 0 unless something is an error: 2 for settings and ports, 3 for store
    and key, 1 for the rest.

    Examples:
        peerrec doctor
        peerrec doctor --bundle peerrec-report.zip
        peerrec doctor --json --quick
    """
    from peerrec_node.diagnosis.patient import examined
    from peerrec_node.settings.paths import settings_file

    if invocation().here is not None:
        raise click.UsageError("doctor looks at a daemon from outside")
    where = (default_store() if store is None else store).absolute()
    patient = examined(where, settings_file(config, store))
    findings = list(findings_of(patient, deep=not quick))
    document = {"findings": [each.fields() for each in findings]}
    answer(document, as_json, [each.line() for each in findings])
    if bundle is not None:
        from peerrec_node.diagnosis.bundle import write_bundle

        write_bundle(bundle, patient, findings)
        click.echo(f"wrote {bundle}; look through it before you give it away", err=True)
    code = exit_code(findings)
    if code:
        raise click.exceptions.Exit(code)


def findings_of(patient: Patient, *, deep: bool) -> Iterator[Finding]:
    """Yield what all checks find."""
    from peerrec_node.diagnosis import installation, keeping, reaching

    yield from installation.version_findings(patient)
    yield from installation.settings_findings(patient)
    yield from keeping.store_findings(patient, deep=deep)
    yield from keeping.identity_findings(patient)
    yield from keeping.disk_findings(patient)
    yield from reaching.clock_findings(patient)
    yield from reaching.daemon_findings(patient)
    yield from reaching.port_findings(patient)
    yield from reaching.link_findings(patient)
