"""The key file: nobody else reads it, nothing replaces it, every refusal says why."""

from __future__ import annotations

import os
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from peerrec.errors import ConfigError, DataError, StoreError
from peerrec.protocol import key_file
from peerrec.protocol.identity import Ed25519Signer
from peerrec.protocol.key_file import load_or_create

SEED, OTHER_SEED = bytes(range(32)), bytes(range(1, 33))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "identity.pem"


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_identity_is_the_same_at_the_next_start(path, passphrase):
    made = load_or_create(path, passphrase=passphrase, random_bytes=SEED)
    again = load_or_create(str(path), passphrase=passphrase, random_bytes=OTHER_SEED)
    assert made.peer == again.peer == Ed25519Signer.from_seed(SEED).peer
    assert again.sign(b"x") == made.sign(b"x")


def test_file_is_pkcs8_that_other_programs_read(path):
    made = load_or_create(path, passphrase=b"pass", random_bytes=SEED)
    key = serialization.load_pem_private_key(path.read_bytes(), b"pass")
    assert key.public_key().public_bytes_raw() == made.peer
    assert SEED not in path.read_bytes()


def test_file_is_its_owners_alone_from_the_moment_it_exists(path, monkeypatch):
    modes = []
    link = os.link

    def watch(draft, target):
        modes.append(stat.S_IMODE(os.stat(draft).st_mode))
        link(draft, target)

    monkeypatch.setattr(os, "link", watch)
    before = os.umask(0)
    try:
        load_or_create(path, passphrase=None, random_bytes=SEED)
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
def test_file_that_others_can_use_is_refused_with_the_command_that_mends_it(path, mode):
    load_or_create(path, passphrase=None, random_bytes=SEED)
    path.chmod(mode)
    with pytest.raises(StoreError, match=f"chmod 600 {path}"):
        load_or_create(path, passphrase=None, random_bytes=SEED)


def test_two_processes_that_start_at_once_have_one_identity(path, monkeypatch):
    first = {}
    write = key_file._write_new

    def slow(target, data):
        monkeypatch.setattr(key_file, "_write_new", write)
        first["peer"] = load_or_create(path, passphrase=None, random_bytes=OTHER_SEED).peer
        return write(target, data)

    monkeypatch.setattr(key_file, "_write_new", slow)
    second = load_or_create(path, passphrase=None, random_bytes=SEED)
    assert second.peer == first["peer"] == Ed25519Signer.from_seed(OTHER_SEED).peer


def test_crash_while_making_it_leaves_no_half_of_a_key(path, monkeypatch):
    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreError, match="No space left"):
        load_or_create(path, passphrase=None, random_bytes=SEED)
    assert list(path.parent.iterdir()) == []


def test_file_system_without_hard_links_will_do(path, monkeypatch):
    def refuse(draft, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    made = load_or_create(path, passphrase=None, random_bytes=SEED)
    assert load_or_create(path, passphrase=None, random_bytes=OTHER_SEED).peer == made.peer
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("kept", "given", "reason"),
    [
        (b"right", b"wrong", "passphrase is wrong"),
        (b"right", None, "give its passphrase"),
        (None, b"right", "leave the passphrase out"),
    ],
)
def test_passphrase_that_does_not_fit_is_told(path, kept, given, reason):
    load_or_create(path, passphrase=kept, random_bytes=SEED)
    with pytest.raises(StoreError, match=reason) as caught:
        load_or_create(path, passphrase=given, random_bytes=SEED)
    assert "right" not in str(caught.value)


def pem_of(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no private key"),
        (b"-----BEGIN PRIVATE KEY-----\n", "holds no private key"),
        (pem_of(X25519PrivateKey.from_private_bytes(SEED)), "another kind of key"),
        (b"x" * 10_000, "no key"),
    ],
)
@pytest.mark.parametrize("passphrase", [None, b"pass"])
def test_file_that_is_no_key_is_refused_and_left_alone(path, content, reason, passphrase):
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StoreError, match=f"{reason}|leave the passphrase out"):
        load_or_create(path, passphrase=passphrase, random_bytes=SEED)
    assert path.read_bytes() == content


def test_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StoreError, match="No such file or directory"):
        load_or_create(tmp_path / "no" / "key.pem", passphrase=None, random_bytes=SEED)


def test_folder_in_place_of_the_file_is_told(tmp_path):
    with pytest.raises(StoreError, match="directory"):
        load_or_create(tmp_path, passphrase=None, random_bytes=SEED)


def test_empty_passphrase_is_no_passphrase(path):
    with pytest.raises(ConfigError, match="at least one"):
        load_or_create(path, passphrase=b"", random_bytes=SEED)
    assert not path.exists()


def test_too_little_randomness_makes_no_key(path):
    with pytest.raises(DataError, match="32 bytes"):
        load_or_create(path, passphrase=None, random_bytes=bytes(16))
    assert not path.exists()
