"""Feed everything that reads a stranger's bytes with bytes made to break it.

    python tests/fuzz/fuzz_decoders.py TARGET [SECONDS] [FOLDER]

lets atheris look for an input that raises anything but the refusals that belong to the
target, or that breaks what the target promises. What it finds worth keeping goes to
FOLDER (a temporary one unless said); copy it to ``corpus/TARGET`` where it reaches
something new. A failing input is written beside. Without arguments the targets are listed.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).resolve().parent / "corpus"
NETWORK = bytes(16)
KEY = bytes(range(16))
MINUTE = 29_000_000

Target = Callable[[bytes], None]


def peerrec(module: str) -> Any:
    """Import late: atheris must see the import to watch the code's branches."""
    return importlib.import_module(f"peerrec.{module}")


def wire_target() -> Target:
    wire = peerrec("protocol.wire")
    refusal = peerrec("errors").RemoteProtocolError

    def judge(data: bytes) -> None:
        try:
            message = wire.decode(data)
        except refusal:
            return
        if not isinstance(message, wire.Ignored):
            again = wire.encode(message)
            assert data == again + bytes(len(data) - len(again)), "not the only form"

    return judge


def sketch_target() -> Target:
    riblt = peerrec("protocol.riblt")
    refusal = peerrec("errors").RemoteProtocolError
    ours = riblt.parse_elements(b"".join(i.to_bytes(8, "big") for i in range(1, 30)))
    encoder = riblt.Encoder(ours, KEY)

    def judge(data: bytes) -> None:
        """The first byte says how many symbols come at once; the rest are XORed on ours."""
        step = (data[0] % 16 + 1) * riblt.SYMBOL_BYTES if data else 1
        noise = data[1 : 1 + 64 * riblt.SYMBOL_BYTES]
        n = len(noise) // riblt.SYMBOL_BYTES
        honest = encoder.symbols(0, n)
        symbols = bytes(a ^ b for a, b in zip(noise, honest, strict=False))
        decoder = riblt.Decoder(ours, KEY)
        with contextlib.suppress(refusal):
            for start in range(0, len(symbols), step):
                decoder.add(symbols[start : start + step])
        found = len(decoder.remote_only) + len(decoder.local_only)
        assert found <= decoder.n_symbols, "more found than can be"

    return judge


def segment_target() -> Target:
    segment = peerrec("protocol.segment")
    refusal = peerrec("errors").VerificationError

    def judge(data: bytes) -> None:
        with contextlib.suppress(refusal):
            assert segment.decode_segment(data, NETWORK).frame == data, "not the only form"

    return judge


def statements_target() -> Target:
    statements = peerrec("protocol.statements")
    refusal = peerrec("errors").VerificationError

    def judge(data: bytes) -> None:
        """The first byte is the kind of segment."""
        if not data:
            return
        with contextlib.suppress(refusal):
            statements.decode_statements(data[0], data[1:], MINUTE)

    return judge


def bundle_target() -> Target:
    bundle = peerrec("protocol.bundle")
    refusal = peerrec("errors").VerificationError

    def judge(data: bytes) -> None:
        with contextlib.suppress(refusal):
            bundle.unpack(data, NETWORK)

    return judge


def fork_target() -> Target:
    fork = peerrec("protocol.fork")
    refusal = peerrec("errors").VerificationError

    def judge(data: bytes) -> None:
        with contextlib.suppress(refusal):
            assert fork.decode_proof(data, NETWORK).evidence == data, "not the only form"

    return judge


def invite_target() -> Target:
    invite = peerrec("protocol.invite")
    refusal = peerrec("errors").DataError

    def judge(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        with contextlib.suppress(refusal):
            invite.parse_address(text)
        with contextlib.suppress(refusal):
            found = invite.parse_invite(text)
            assert invite.parse_invite(found.text()) == found, "not what was written"

    return judge


TARGETS: dict[str, Callable[[], Target]] = {
    "wire": wire_target,
    "sketch": sketch_target,
    "segment": segment_target,
    "statements": statements_target,
    "bundle": bundle_target,
    "fork": fork_target,
    "invite": invite_target,
}


def fuzz(name: str, seconds: int, folder: Path) -> None:
    """Look for failures for a while; leaves the process with libFuzzer's exit code."""
    import atheris

    with atheris.instrument_imports(include=["peerrec"]):
        target = TARGETS[name]()
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=5", "-rss_limit_mb=1024"]
    found = folder / name
    found.mkdir(parents=True, exist_ok=True)
    kept = CORPUS / name
    folders = [str(found), *([str(kept)] if kept.is_dir() else [])]
    atheris.Setup([sys.argv[0], f"-artifact_prefix={folder}/", *options, *folders], target)
    atheris.Fuzz()


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"say which target to fuzz: {', '.join(TARGETS)}")
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(tempfile.mkdtemp())
    fuzz(sys.argv[1], seconds, folder)


if __name__ == "__main__":
    main()
