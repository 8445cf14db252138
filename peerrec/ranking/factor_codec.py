"""Write and read tables: 12 bytes a row at d = 16, every length checked.

Layout, little-endian; columns follow each other, so that each compresses and decodes as one
array::

    version u8 | d u8 | exchanges u16 | rows n u32 | bytes of keys u32 | scale of C f32
    C           upper triangle by rows, i16, in units of scale / 32767
    keys        n varints: key minus the one before, minus 1 (the first: the key)
    share       n bytes: p = 2^((k − 255) / 15), 7.6e-6 … 1 in steps of 4.7 %
    magnitude   n bytes: the largest |b| / p of a row, in units of √(trace C / d), is at most
                2^((k − 191) / 16): 2⁻¹² … 16
    directions  n · d numbers of 4 bits, 1 … 15 for −7 … 7 times magnitude · p / 7

The noise of rounding to four bits is small beside that of whom a table samples: more people or
longer vectors for the same bytes are worth more than exact numbers. A row of which the share
rounds to 0 is not written. Cost: ``peerrec bench factors --only row``.

Example:
    >>> import numpy as np
    >>> row = np.array([[0.5, -0.25, 0.0, 0.5]], np.float32)
    >>> one = np.eye(4, dtype=np.float32)
    >>> table = FactorTable(np.array([7], np.uint32), np.array([0.5], np.float32), row, one)
    >>> len(encode_table(table))
    41
    >>> decode_table(encode_table(table), dim=4, rows_max=10).mean.round(1).tolist()
    [[0.5, -0.30000001192092896, 0.0, 0.5]]
"""

from __future__ import annotations

import itertools
import struct
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError, VerificationError
from peerrec.ranking.factor_frame import KEY_BITS, Keys
from peerrec.ranking.factor_table import FactorTable, Float32s

__all__ = ["EXCHANGES_MAX", "VERSION", "decode_table", "encode_table"]

Bytes: TypeAlias = npt.NDArray[np.uint8]

VERSION: Final = 2
EXCHANGES_MAX: Final = 0xFFFF
_HEADER: Final = struct.Struct("<BBHIIf")
_SHARE_STEPS: Final = 15.0
_MAGNITUDE_STEPS: Final = 16.0
_MAGNITUDE_ONE: Final = 191
_LEVELS: Final = 7
_VARINT_MAX: Final = 4  # bytes: 28 bits hold any key
_BLOCK: Final = 2_048  # rows written at once, to keep temporary copies small
_MOMENT_MAX: Final = 1e12  # far beyond any honest scale, and squares still fit into float32


def encode_table(table: FactorTable) -> bytes:
    """Return the bytes of a table.

    Raises:
        ConfigError: d is odd, or not 2 … 254.
    """
    dim = table.dim
    if dim % 2 or not 2 <= dim <= 254:
        raise ConfigError("dim", dim, "use an even number up to 254")
    codes = _share_codes(table.share)
    kept = codes >= 0
    keys, shares = table.keys[kept], codes[kept].astype(np.uint8)
    magnitude, directions = _packed_rows(table.mean, kept, shares, _unit(table.moment))
    varints = _encode_keys(keys)
    scale = float(np.float32(np.abs(table.moment).max(initial=0.0)))
    header = _HEADER.pack(
        VERSION, dim, min(table.exchanges, EXCHANGES_MAX), len(keys), len(varints), scale
    )
    moment = _encode_moment(table.moment, scale)
    return b"".join([header, moment, varints, shares.tobytes(), magnitude, directions])


def decode_table(data: bytes, *, dim: int, rows_max: int) -> FactorTable:
    """Return the table that these bytes are.

    Args:
        data: what `encode_table` wrote, from anybody.
        dim: d of this network.
        rows_max: refuse longer tables.

    Raises:
        VerificationError: another version or d, too many rows, not exactly the bytes that the
            header promises, keys out of order or range, numbers out of range, or C that no
            user vectors have.
    """
    n, n_key_bytes, exchanges, scale = _read_header(data, dim, rows_max)
    triangle = dim * (dim + 1) // 2 * 2
    sizes = (triangle, n_key_bytes, n, n, n * dim // 2)
    if len(data) != _HEADER.size + sum(sizes):
        raise VerificationError(
            f"table of {len(data)} bytes: its header promises {_HEADER.size + sum(sizes)}"
        )
    whole = np.frombuffer(data, np.uint8)
    ends = np.cumsum((_HEADER.size, *sizes))
    moment_part, key_part, codes, magnitudes, packed = (
        whole[begin:end] for begin, end in itertools.pairwise(ends)
    )
    moment = _decode_moment(moment_part, dim, scale)
    keys = _decode_keys(key_part, n)
    share = _SHARES[codes]
    step = _MAGNITUDES[magnitudes] * share * np.float32(_unit(moment) / _LEVELS)
    mean = _unpack(packed, dim)
    mean *= step[:, None]
    return FactorTable(keys, share, mean, moment, exchanges)


# -- header and moment ------------------------------------------------------------------


def _read_header(data: bytes, dim: int, rows_max: int) -> tuple[int, int, int, float]:
    if len(data) < _HEADER.size:
        raise VerificationError(f"table of {len(data)} bytes: a header has {_HEADER.size}")
    version, its_dim, exchanges, n, n_key_bytes, scale = _HEADER.unpack_from(data)
    if version != VERSION:
        raise VerificationError(f"table of version {version}: only {VERSION} is understood")
    if its_dim != dim:
        raise VerificationError(f"table with d = {its_dim}: this network uses {dim}")
    if n > rows_max:
        raise VerificationError(f"table of {n} rows: at most {rows_max} are allowed")
    if not 0.0 <= scale <= _MOMENT_MAX:  # NaN is neither
        raise VerificationError(f"table with a moment of {scale}: not in [0, {_MOMENT_MAX:g}]")
    return n, n_key_bytes, exchanges, scale


def _unit(moment: Float32s) -> float:
    """Return √(trace C / d), the size of a typical coordinate."""
    return float(np.sqrt(max(float(np.trace(moment)), 0.0) / max(1, len(moment))))


def _encode_moment(moment: Float32s, scale: float) -> bytes:
    upper = moment[np.triu_indices(len(moment))].astype(np.float64)
    return np.rint(upper * (32767.0 / max(scale, 1e-30))).astype("<i2").tobytes()


def _decode_moment(part: Bytes, dim: int, scale: float) -> Float32s:
    upper = part.view("<i2").astype(np.float32) * np.float32(scale / 32767.0)
    moment = np.empty((dim, dim), np.float32)
    rows, columns = np.triu_indices(dim)
    moment[rows, columns] = moment[columns, rows] = upper
    # Rounding moves an eigenvalue by at most d half steps.
    wide, slack = moment.astype(np.float64), dim * scale / 32767.0
    try:
        np.linalg.cholesky(wide + slack * np.eye(dim))  # a tenth of what eigenvalues cost
    except np.linalg.LinAlgError:
        if float(np.linalg.eigvalsh(wide)[0]) < -slack:
            raise VerificationError("table with a moment that has a negative eigenvalue") from None
    return moment


# -- keys -------------------------------------------------------------------------------


def _encode_keys(keys: Keys) -> bytes:
    gaps = np.asarray(np.diff(keys.astype(np.int64), prepend=-1), np.int64) - 1
    lengths = np.ones(len(gaps), np.int64)
    for k in range(1, _VARINT_MAX):
        lengths += gaps >= 1 << 7 * k
    ends = np.cumsum(lengths)
    out = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    begins = ends - lengths
    for k in range(_VARINT_MAX):
        rows = np.flatnonzero(lengths > k)
        more = (lengths[rows] > k + 1).astype(np.int64) << 7
        out[begins[rows] + k] = (gaps[rows] >> 7 * k & 0x7F) | more
    return out.tobytes()


def _decode_keys(part: Bytes, n: int) -> Keys:
    ends = np.flatnonzero(part < 0x80)
    if len(ends) != n or (len(part) and (not n or ends[-1] != len(part) - 1)):
        raise VerificationError(f"{len(part)} bytes of keys do not hold {n} keys")
    lengths = np.diff(ends, prepend=-1)
    if n and int(lengths.max()) > _VARINT_MAX:
        raise VerificationError("a key is longer than any key")
    if ((lengths > 1) & (part[ends] == 0)).any():
        raise VerificationError("a key is not in its shortest form")
    gaps = np.zeros(n, np.int64)
    begins = ends - lengths + 1
    for k in range(_VARINT_MAX):
        rows = np.flatnonzero(lengths > k)
        gaps[rows] |= (part[begins[rows] + k] & 0x7F).astype(np.int64) << 7 * k
    keys = np.cumsum(gaps + 1) - 1
    if n and int(keys[-1]) >= 1 << KEY_BITS:
        raise VerificationError(f"a key does not fit into {KEY_BITS} bits")
    return keys.astype(np.uint32)


# -- rows -------------------------------------------------------------------------------

_SHARES: Final = (2.0 ** ((np.arange(256) - 255) / _SHARE_STEPS)).astype(np.float32)
_MAGNITUDES: Final = (2.0 ** ((np.arange(256) - _MAGNITUDE_ONE) / _MAGNITUDE_STEPS)).astype(
    np.float32
)


def _share_codes(share: Float32s) -> npt.NDArray[np.int16]:
    """Return the nearest code of each share; negative for 0."""
    logs = np.log2(np.maximum(share, np.float32(1e-9)))
    codes = np.minimum(np.rint(logs * np.float32(_SHARE_STEPS)) + 255, 255)
    return np.asarray(codes, np.int16)


def _packed_rows(
    mean: Float32s, kept: npt.NDArray[np.bool_], codes: Bytes, unit: float
) -> tuple[bytes, bytes]:
    """Return magnitudes and directions of the kept rows as they are written."""
    rows = np.flatnonzero(kept)
    magnitudes, packed = [], []
    for begin in range(0, len(rows), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        magnitude, directions = _directions(mean[rows[block]], _SHARES[codes[block]], unit)
        magnitudes.append(magnitude.tobytes())
        packed.append(_pack(directions))
    return b"".join(magnitudes), b"".join(packed)


def _directions(mean: Float32s, share: Float32s, unit: float) -> tuple[Bytes, Bytes]:
    """Return magnitude codes, shape (n,), and directions 1 … 15, shape (n, d)."""
    relative = mean / (share * np.float32(max(unit, 1e-30)))[:, None]
    largest = np.abs(relative).max(axis=1, initial=0.0)
    # Rounded up, so that the largest coordinate still fits into 7 steps.
    logs = np.ceil(np.log2(np.maximum(largest, np.float32(1e-9))) * np.float32(_MAGNITUDE_STEPS))
    codes = np.clip(logs + _MAGNITUDE_ONE, 0, 255).astype(np.uint8)
    steps = np.rint(relative * (np.float32(_LEVELS) / _MAGNITUDES[codes])[:, None])
    np.clip(steps, -_LEVELS, _LEVELS, out=steps)
    return codes, (steps + np.float32(_LEVELS + 1)).astype(np.uint8)


def _pack(directions: Bytes) -> bytes:
    """Write two numbers of four bits into a byte, the first into the lower half."""
    two = directions.reshape(-1, 2)
    packed: bytes = np.bitwise_or(two[:, 0], two[:, 1] << 4).tobytes()
    return packed


def _unpack(packed: Bytes, dim: int) -> Float32s:
    """Read them back as float32 −7 … 7, shape (n, dim)."""
    two = np.empty((len(packed), 2), np.uint8)
    two[:, 0] = packed & 15
    two[:, 1] = packed >> 4
    if two.size and not two.min():
        raise VerificationError(f"a direction is not in -{_LEVELS} … {_LEVELS}")
    steps = two.astype(np.float32)
    steps -= np.float32(_LEVELS + 1)
    return steps.reshape(-1, dim)
