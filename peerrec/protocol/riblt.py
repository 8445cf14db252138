"""Find the difference of two sets at a cost near that of the difference: Rateless IBLT.

Lei Yang, Yossi Gilad, Mohammad Alizadeh, *Practical Rateless Set Reconciliation*
(SIGCOMM 2024). An element takes part in coded symbol i with probability 1 / (1 + i/2); a
symbol holds the XOR of its elements, the XOR of their checks and their number. Symbols of
two sets subtract; one that holds a single element gives it away, which is then taken out
of all others, and so on. d differences need about 1.35 d symbols where d is large and
1.7 d where it is small, and nobody has to guess d before.

Deviations: elements are 8 bytes, and their hashes are keyed (`keyed_hash` of element ‖
``peerrec/``), so that nobody without the link's key can craft sets that do not decode; a
symbol's count is kept modulo 256, which is all that telling +1 from −1 takes once the
check has matched. The walk over a symbol's numbers is the paper's: with s₀ = hash | 1,
s ← s · 0xda942042e4dd58b5 mod 2⁶⁴ and i ← i + max(1, ⌈(i + 1.5)(2³² / √(s + 1) − 1)⌉) in
IEEE doubles, from i = 0; a check is the low 32 bits of the hash.

Wire form of a symbol: 13 bytes, big-endian: sum (8), check (4), count (1).

Cost: n elements and m symbols take O(n log m); what a hostile sketch can make us do is
bounded by one recovered element a symbol.

Example:
    >>> import numpy as np
    >>> key = bytes(16)
    >>> theirs = Encoder(np.array([1, 2, 3, 4], np.uint64), key)
    >>> ours = Decoder(np.array([2, 3, 4, 5], np.uint64), key)
    >>> while not ours.add(theirs.symbols(ours.n_symbols, 2)):
    ...     pass
    >>> ours.remote_only.tolist(), ours.local_only.tolist()
    ([1], [5])
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from peerrec import limits
from peerrec.errors import LocalProtocolError, RemoteProtocolError
from peerrec.protocol.keyed_hash import keyed_hash_words
from peerrec.protocol.violations import Violation

__all__ = ["ELEMENT_BYTES", "SYMBOL_BYTES", "Decoder", "Encoder", "element_bytes", "parse_elements"]

U64: TypeAlias = NDArray[np.uint64]
U32: TypeAlias = NDArray[np.uint32]
U8: TypeAlias = NDArray[np.uint8]
Indices: TypeAlias = NDArray[np.int64]

_SYMBOL: Final = np.dtype([("sum", ">u8"), ("check", ">u4"), ("count", "u1")])
SYMBOL_BYTES: Final = _SYMBOL.itemsize
ELEMENT_BYTES: Final = 8

_DOMAIN: Final = int.from_bytes(b"peerrec/", "little")
_MULTIPLIER: Final = 0xDA942042E4DD58B5
_MASK: Final = (1 << 64) - 1
_PLUS: Final = 1
_MINUS: Final = 255  # −1 modulo 256
_FEW: Final = 8  # elements that are folded in one by one


def element_bytes(elements: U64) -> bytes:
    """Return elements as they go over the wire: 8 bytes each, big-endian."""
    return elements.astype(">u8").tobytes()


def parse_elements(data: bytes) -> U64:
    """Return the elements in ``data``, whose length is a multiple of 8."""
    return np.frombuffer(data, ">u8").astype(np.uint64)


class Encoder:
    """Make the coded symbols of a set of elements, any range of them at any time.

    Attributes:
        elements: the set, sorted; what was given twice counts once.
    """

    def __init__(self, elements: U64, key: bytes) -> None:
        """Take the set in; ``key`` is 16 bytes."""
        ordered = np.sort(elements.astype(np.uint64, copy=False))
        again = ordered[1:] == ordered[:-1]
        # np.unique hashes instead of sorting, at twenty times the cost
        self.elements: U64 = ordered[np.append(True, ~again)] if again.any() else ordered
        self.key = key
        self.cells = _Cells()
        self._walk = _Walk(self.elements, _hashes(self.elements, key), _PLUS)

    def symbols(self, start: int, count: int) -> bytes:
        """Return coded symbols ``start`` to ``start + count``, 13 bytes each."""
        if not 0 <= start <= start + count <= limits.SYMBOLS_MAX:
            raise LocalProtocolError(
                f"symbols {start} to {start + count}; there are {limits.SYMBOLS_MAX} to ask for"
            )
        self.extend(start + count)
        return self.cells.packed(start, start + count)

    def extend(self, end: int) -> None:
        """Make sure that the symbols before ``end`` are in ``cells``."""
        if end > self.cells.n:
            self.cells.grow(end)
            self._walk.fold(self.cells)


class Decoder:
    """Find what a peer's set and ours differ by, from the peer's coded symbols.

    Attributes:
        n_symbols: symbols taken in so far; the next to ask for.
        done: whether the difference is known.
    """

    def __init__(
        self, elements: U64 | Encoder, key: bytes, symbols_max: int = limits.SYMBOLS_MAX
    ) -> None:
        """Take our side in.

        Args:
            elements: our set, or its encoder where there is one already: that halves the work.
            key: 16 bytes, the same as the other side's.
            symbols_max: beyond it nothing is taken in.
        """
        self._ours = elements if isinstance(elements, Encoder) else Encoder(elements, key)
        if self._ours.key != key:
            raise LocalProtocolError("encoder and decoder have different keys")
        self._key = key
        self._symbols_max = symbols_max
        self._cells = _Cells()
        self._found = _Walk(np.empty(0, np.uint64), np.empty(0, np.uint64), _PLUS)
        self._signs: dict[int, int] = {}
        self.done = False

    @property
    def n_symbols(self) -> int:
        """How many symbols were taken in."""
        return self._cells.n

    @property
    def exhausted(self) -> bool:
        """Whether no more symbols are taken in although the difference is not known."""
        return not self.done and self._cells.n >= self._symbols_max

    @property
    def remote_only(self) -> U64:
        """What only the peer has, as far as known; sorted."""
        return self._with_sign(_PLUS)

    @property
    def local_only(self) -> U64:
        """What only we have, as far as known; sorted."""
        return self._with_sign(_MINUS)

    def add(self, data: bytes) -> bool:
        """Take the next symbols in; return whether the difference is known now.

        Symbols that come after it is known are ignored: they were on their way.

        Raises:
            RemoteProtocolError: SKETCH: cut, more than allowed, or no set has such symbols.
        """
        if self.done:
            return True
        if len(data) % SYMBOL_BYTES:
            raise _broken(f"{len(data)} bytes are no whole number of symbols")
        start = self._cells.n
        end = start + len(data) // SYMBOL_BYTES
        if end > self._symbols_max:
            raise _broken(f"{end} symbols; at most {self._symbols_max} are taken in")
        self._cells.grow(end)
        self._cells.set(start, data)
        self._ours.extend(end)
        self._cells.subtract(self._ours.cells, start, end)
        self._found.fold(self._cells)
        self._peel(np.arange(start, end))
        self.done = end > 0 and self._cells.empty(np.zeros(1, np.int64))
        if self.done and not self._cells.empty(np.arange(end)):
            raise _broken("the first symbol is used up and others are not")
        return self.done

    def _peel(self, touched: Indices) -> None:
        """Recover elements from symbols that hold one, until none does."""
        for _ in range(limits.PEEL_ROUNDS_MAX):
            pure = self._pure(touched)
            if not pure.size:
                return
            elements, first = np.unique(self._cells.sums[pure], return_index=True)
            signs = self._cells.counts[pure[first]]
            self._check(elements, signs)
            taken = np.where(signs == _PLUS, _MINUS, _PLUS).astype(np.uint8)
            walk = _Walk(elements, _hashes(elements, self._key), taken)
            touched = walk.fold(self._cells)
            if not self._cells.empty(pure):
                raise _broken("an element lies in a symbol that it has no part in")
            self._found.join(walk)
        raise _broken("one element leads to the next, too many times")

    def _pure(self, touched: Indices) -> Indices:
        """Return which of the symbols hold exactly one element."""
        counts = self._cells.counts[touched]
        single = touched[(counts == _PLUS) | (counts == _MINUS)]
        hashes = _hashes(self._cells.sums[single], self._key)
        match: Indices = single[hashes.astype(np.uint32) == self._cells.checks[single]]
        return match

    def _check(self, elements: U64, signs: U8) -> None:
        """Refuse what two sets cannot differ by; remember the rest."""
        ours = self._ours.elements
        at = np.searchsorted(ours, elements)
        held = np.zeros(len(elements), bool)
        inside = at < len(ours)
        held[inside] = ours[at[inside]] == elements[inside]
        if np.any(held != (signs == _MINUS)):
            raise _broken("an element is said to be missing where it is, or held where it is not")
        for element, sign in zip(elements.tolist(), signs.tolist(), strict=True):
            if element in self._signs:
                raise _broken("an element comes twice")
            self._signs[element] = sign
        if len(self._signs) > self._cells.n:
            raise _broken("more elements than symbols")

    def _with_sign(self, sign: int) -> U64:
        """Return the elements found on one side, sorted."""
        return np.array(sorted(e for e, s in self._signs.items() if s == sign), np.uint64)


class _Cells:
    """Coded symbols by column; the first ``n`` count, the rest is room to grow."""

    __slots__ = ("checks", "counts", "n", "sums")

    def __init__(self) -> None:
        self.n = 0
        self.sums: U64 = np.zeros(16, np.uint64)
        self.checks: U32 = np.zeros(16, np.uint32)
        self.counts: U8 = np.zeros(16, np.uint8)

    def grow(self, n: int) -> None:
        """Append empty symbols up to ``n``."""
        if n > len(self.sums):
            more = max(n, 2 * len(self.sums)) - len(self.sums)
            self.sums = np.pad(self.sums, (0, more))
            self.checks = np.pad(self.checks, (0, more))
            self.counts = np.pad(self.counts, (0, more))
        self.n = n

    def packed(self, start: int, end: int) -> bytes:
        """Return symbols in wire form."""
        symbols = np.empty(end - start, _SYMBOL)
        symbols["sum"] = self.sums[start:end]
        symbols["check"] = self.checks[start:end]
        symbols["count"] = self.counts[start:end]
        return symbols.tobytes()

    def set(self, start: int, data: bytes) -> None:
        """Overwrite symbols from ``start`` on with those in wire form."""
        symbols = np.frombuffer(data, _SYMBOL)
        part = slice(start, start + len(symbols))
        self.sums[part] = symbols["sum"]
        self.checks[part] = symbols["check"]
        self.counts[part] = symbols["count"]

    def subtract(self, other: _Cells, start: int, end: int) -> None:
        """Take another set's symbols out."""
        part = slice(start, end)
        self.sums[part] ^= other.sums[part]
        self.checks[part] ^= other.checks[part]
        self.counts[part] -= other.counts[part]

    def empty(self, at: Indices) -> bool:
        """Return whether these symbols hold nothing."""
        return not (self.sums[at].any() or self.checks[at].any() or self.counts[at].any())


class _Walk:
    """Elements on their way over the numbers of the symbols they take part in."""

    __slots__ = ("_begun", "_checks", "_elements", "_next", "_signs", "_states")

    def __init__(self, elements: U64, hashes: U64, signs: U8 | int) -> None:
        self._elements = elements
        self._checks: U32 = hashes.astype(np.uint32)
        self._states: U64 = hashes | np.uint64(1)
        self._signs: U8 = np.broadcast_to(np.asarray(signs, np.uint8), elements.shape)
        self._next: Indices = np.zeros(len(elements), np.int64)
        self._begun = False

    def fold(self, cells: _Cells) -> Indices:
        """Add the elements to the symbols ahead of them; return the numbers touched.

        Afterwards every element stands at its first symbol beyond ``cells.n``.
        """
        touched = np.zeros(cells.n, bool)
        if len(self._elements) <= _FEW:
            for i in range(len(self._elements)):
                self._fold_one(i, cells, touched)
            self._begun = True
            return np.flatnonzero(touched)
        if not self._begun and cells.n:
            self._begin(cells)
            touched[0] = True
        moving = np.flatnonzero(self._next < cells.n)
        while moving.size:
            at = self._next[moving]
            touched[at] = True
            np.bitwise_xor.at(cells.sums, at, self._elements[moving])
            np.bitwise_xor.at(cells.checks, at, self._checks[moving])
            np.add.at(cells.counts, at, self._signs[moving])
            states = self._states[moving] * np.uint64(_MULTIPLIER)
            self._states[moving] = states
            at = at + _steps(at, states)
            self._next[moving] = at
            moving = moving[at < cells.n]
        return np.flatnonzero(touched)

    def _fold_one(self, i: int, cells: _Cells, touched: NDArray[np.bool_]) -> None:
        """Add one element, in Python's numbers: for a few that is faster than arrays."""
        at = int(self._next[i])
        state, sign = int(self._states[i]), int(self._signs[i])
        element, check = self._elements[i], self._checks[i]
        while at < cells.n:
            touched[at] = True
            cells.sums[at] ^= element
            cells.checks[at] ^= check
            cells.counts[at] = (int(cells.counts[at]) + sign) & 0xFF
            state = state * _MULTIPLIER & _MASK
            spread = 4_294_967_296.0 / math.sqrt(float(state) + 1.0) - 1.0
            at += max(1, math.ceil((at + 1.5) * spread))
        self._next[i], self._states[i] = at, state

    def _begin(self, cells: _Cells) -> None:
        """Add all elements to symbol 0, of which each is a part: one sweep does it."""
        self._begun = True
        cells.sums[0] ^= np.bitwise_xor.reduce(self._elements)
        cells.checks[0] ^= np.bitwise_xor.reduce(self._checks)
        cells.counts[:1] += self._signs.sum(dtype=np.uint8)  # of a slice: it may wrap around
        self._states *= np.uint64(_MULTIPLIER)
        self._next = _steps(self._next, self._states)

    def join(self, other: _Walk) -> None:
        """Take the elements of another walk in, where they stand; both have begun or none."""
        self._begun = other._begun
        self._elements = np.concatenate((self._elements, other._elements))
        self._checks = np.concatenate((self._checks, other._checks))
        self._states = np.concatenate((self._states, other._states))
        self._signs = np.concatenate((self._signs, other._signs))
        self._next = np.concatenate((self._next, other._next))


def _steps(at: Indices, states: U64) -> Indices:
    """Return how far it is from each number to the next one that an element is part of."""
    spread = 4_294_967_296.0 / np.sqrt(states.astype(np.float64) + 1.0) - 1.0
    return np.maximum(np.ceil((at + 1.5) * spread), 1.0).astype(np.int64)


def _hashes(elements: U64, key: bytes) -> U64:
    """Return the keyed hash of each element: of its 8 bytes, big-endian, and the domain."""
    return keyed_hash_words(key, elements.byteswap(), _DOMAIN)


def _broken(text: str) -> RemoteProtocolError:
    return RemoteProtocolError(Violation.SKETCH, f"a sketch cannot be used: {text}")
