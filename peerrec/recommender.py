"""Embed a recommender in an app: record, recommend, explain, forget.

One file holds everything; no server, no event loop. Raw ids, str or bytes, go in
and come out. Every method may be called from any thread. This is the only module
of the library that reads a clock, holds a lock and owns a thread.

Example:
    >>> with Recommender.in_memory() as me:
    ...     me.record("track:feeling-good")
    ...     me.trust("ann")
    ...     me.record("track:feeling-good", author="ann")
    ...     me.record("track:sinnerman", author="ann")
    ...     [(each.item, each.reasons[0].hub) for each in me.recommend(n=10)]
    [('track:sinnerman', 'ann')]
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from peerrec.errors import ConfigError, StoreError
from peerrec.facade.marks import muted
from peerrec.facade.options import Options
from peerrec.facade.results import (
    Explanation,
    Recommendations,
    RecommendedArrays,
    Stats,
    checked_ids,
    checked_n,
    checked_share,
)
from peerrec.facade.rows import Row, as_interaction
from peerrec.limits import DAY_S
from peerrec.store import Description, Interaction, Mark, RawId, Store, TrustEdge
from peerrec.store.rows import checked_id, checked_number

if TYPE_CHECKING:
    from peerrec.facade.engine import Engine
    from peerrec.facade.self_tuning import Tuner
    from peerrec.facade.still_sight import Still
    from peerrec.facade.upkeep import Upkeep

__all__ = ["Recommender"]

Progress = Callable[[int, int], None]
Cancel = Callable[[], bool]

log = logging.getLogger("peerrec")


class Recommender:
    """A recommender for one person, kept in a store; see `open` and `in_memory`.

    Where nothing is known, lists are empty and their ``notes`` say why: what is merely
    popular is never filled in. An item that nobody here has interacted with raises
    UnknownItem where it is asked about, and is ignored among ``candidates``.

    Long work takes ``progress``, called with how much is done of how much, and
    ``cancel``, asked in between: when it returns True, Cancelled is raised.

    Args:
        store: what is known; closed with the recommender.
        me: raw id of its person among the store's authors. Keep to one: what was
            recorded under another is another author's.
        options: how to keep and rank; None for the defaults.
        clock: returns unix seconds.
        tuner: searches for better parameters; None for `tune_walk`'s.
    """

    def __init__(
        self,
        store: Store,
        *,
        me: RawId = "me",
        options: Options | None = None,
        clock: Callable[[], float] = time.time,
        tuner: Tuner | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._worker: threading.Thread | None = None
        self._still: Still | None = None
        self._clock = clock
        self._tuner = tuner
        self._tuning_failures = 0
        self._search_from = -math.inf
        try:
            # Imported here: `from peerrec import Recommender` must not cost scipy.
            from peerrec.facade.engine import Engine

            self._engine: Engine | None = Engine(store, me, options or Options(), clock())
        except BaseException:
            store.close()
            raise

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        me: RawId = "me",
        options: Options | None = None,
        clock: Callable[[], float] = time.time,
        tuner: Tuner | None = None,
    ) -> Self:
        """Open a recommender in a file, making it where there is none.

        Beside a large file stands ``<file>.graph``, from which it opens faster. It may
        be deleted while the file is closed.

        Raises:
            StoreLocked: another process has it open; names it.
            StoreTooNew: a newer version wrote it.
            StoreCorrupt: it is damaged.
            StoreFull, StoreReadOnly: there is no room, or it cannot be written.
            StoreError: the path names a folder, or a file of another program.
        """
        from peerrec.store.sqlite import SqliteStore

        return cls(SqliteStore(path), me=me, options=options, clock=clock, tuner=tuner)

    @classmethod
    def in_memory(
        cls,
        *,
        me: RawId = "me",
        options: Options | None = None,
        clock: Callable[[], float] = time.time,
        tuner: Tuner | None = None,
    ) -> Self:
        """Make a recommender that forgets everything when it is closed."""
        from peerrec.store.memory import MemoryStore

        return cls(MemoryStore(), me=me, options=options, clock=clock, tuner=tuner)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the background work, save and release everything; twice is no error."""
        self._stop.set()
        worker = self._worker
        if worker is not None and worker is not threading.current_thread():
            worker.join()
        with self._lock:
            engine, self._engine = self._engine, None
            if engine is not None:
                engine.close()

    def _opened(self) -> Engine:
        if self._engine is None:
            raise StoreError("the recommender is closed; open it again")
        return self._engine

    # -- what is known ------------------------------------------------------------------

    def record(
        self,
        item: RawId,
        weight: float = 1.0,
        *,
        time: float | None = None,
        public: bool = False,
        author: RawId | None = None,
    ) -> None:
        """Record an interaction durably; the next recommendation shows it.

        Args:
            item: raw id, 1 to 512 bytes.
            weight: plays, rating or share listened, in (0, 1e9]; repeats add up and
                saturate.
            time: unix seconds; None for now.
            public: whether it may ever leave this device.
            author: whose it is; None for one's own.

        Raises:
            DataError: something of it is not allowed; nothing was recorded.
            StoreError: it could not be written; nothing was recorded.
        """
        with self._lock:
            engine, now = self._opened(), self._clock()
            moment = now if time is None else time
            who = engine.me if author is None else author
            engine.store.record(Interaction(who, item, weight, moment, public), now=now)
            engine.recorded(1, now)

    def record_many(self, rows: Iterable[Row]) -> int:
        """Record many interactions, all or none; return how many.

        Args:
            rows: each an `Interaction`, an item, or a tuple of up to four of (item,
                weight, time, public), which is one's own.

        Raises:
            DataError: names the first row that is not allowed; nothing was recorded.
        """
        with self._lock:
            engine, now = self._opened(), self._clock()
            columns = [as_interaction(row, at, engine.me, now) for at, row in enumerate(rows)]
            n_rows = engine.store.record_many(columns, now=now)
            engine.recorded(n_rows, now)
            if n_rows:
                engine.graph.follow()
                engine.save()
            return n_rows

    def trust(
        self,
        peer: RawId,
        weight: float = 1.0,
        *,
        source: RawId | None = None,
        time: float | None = None,
    ) -> None:
        """State how much one trusts a peer, −1 … 1; 0 takes it back.

        Args:
            peer: raw id of who is trusted.
            weight: negative is distrust.
            source: who trusts; None for oneself.
            time: unix seconds; None for now.
        """
        now = self._clock()
        moment = now if time is None else time
        self.trust_many([TrustEdge(self._who(source), peer, weight, moment)])

    def trust_many(self, edges: Iterable[TrustEdge]) -> int:
        """State many edges of trust, all or none, those without a time now; return how many."""
        with self._lock:
            now = self._clock()
            dated = (edge if edge.time else edge._replace(time=now) for edge in edges)
            return self._opened().store.trust_many(dated, now=now)

    def describe(
        self,
        item: RawId,
        *,
        title: str = "",
        tags: Sequence[str] = (),
        link: str = "",
        author: RawId | None = None,
    ) -> None:
        """Say what an item is: its title, up to 32 tags, and where it is found."""
        said = tags if isinstance(tags, str) else tuple(tags)
        with self._lock:
            now = self._clock()
            whole = Description(item, self._who(author), title, said, link, "", now)  # type: ignore[arg-type]
            self._opened().store.describe(whole, now=now)
            self._opened().sight.changed()

    def _who(self, author: RawId | None) -> RawId:
        return self._opened().me if author is None else author

    # -- what is wanted -----------------------------------------------------------------

    def block(self, peer: RawId) -> None:
        """Give a peer no say, nor those whom only it leads to; survives `forget`."""
        self._mark(Mark.BLOCK, peer)

    def unblock(self, peer: RawId) -> bool:
        """Take a block back; return whether there was one."""
        return self._unmark(Mark.BLOCK, peer)

    def mute(self, item: RawId | None = None, *, peer: RawId | None = None) -> None:
        """Never recommend an item, or nothing because of a peer."""
        self._mark(*muted(item, peer))

    def unmute(self, item: RawId | None = None, *, peer: RawId | None = None) -> bool:
        """Take a mute back; return whether there was one."""
        return self._unmark(*muted(item, peer))

    def less_like(self, item: RawId) -> None:
        """Recommend less like an item, and never the item itself."""
        self._mark(Mark.LESS_LIKE, item)

    def undo_less_like(self, item: RawId) -> bool:
        """Take `less_like` back; return whether it was asked for."""
        return self._unmark(Mark.LESS_LIKE, item)

    def _mark(self, mark: Mark, subject: RawId) -> None:
        with self._lock:
            engine = self._opened()
            if mark is Mark.BLOCK and subject == engine.me:
                raise ConfigError("peer", subject, "nobody can block themselves")
            engine.store.mark(mark, subject, time=self._clock())
            engine.sight.changed()

    def _unmark(self, mark: Mark, subject: RawId) -> bool:
        with self._lock:
            engine = self._opened()
            found = engine.store.unmark(mark, checked_id(subject, "marked id"))
            engine.sight.changed()
            return found

    # -- what follows -------------------------------------------------------------------

    def recommend(
        self,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        candidates: Collection[RawId] | None = None,
        explore: float = 0.0,
        reasons: int = 2,
        factors: bool = True,
    ) -> Recommendations:
        """Return the n best items, best first; fewer where fewer are reached.

        Args:
            n: length of the list, ≥ 1; more than there are items is no error.
            exclude_seen: leave out what one has interacted with.
            candidates: rank only these; unknown ones are ignored. None ranks everything.
            explore: 0 … 1, how much of the list comes from rarely visited neighbourhoods.
            reasons: at most so many reasons an item; 0 for none.
            factors: False leaves out a factor table that a node serves, to compare.

        Raises:
            ConfigError: n or explore is not allowed.
        """
        from peerrec.facade.lists import listed

        length, share = checked_n(n), checked_share("explore", explore)
        if candidates is not None:
            checked_ids("candidates", candidates)
        with self._lock:
            engine, now = self._opened(), self._clock()
            found = listed(
                engine.sight,
                now,
                length,
                exclude_seen=exclude_seen,
                candidates=candidates,
                explore=share,
                reasons=reasons,
                factors=factors,
            )
            engine.save()
            self._tune_when_due(engine, now)
            return found

    def recommend_many(
        self,
        users: Sequence[RawId],
        n: int = 10,
        *,
        exclude_seen: bool = True,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> RecommendedArrays:
        """Return the lists of many users as arrays, each from its own sight.

        A table that a node serves counts in all of them as in `recommend`.
        One's own marks do not count here; recording goes on meanwhile.

        Raises:
            UnknownPeer: one of the users is not known.
            Cancelled: as asked.
        """
        from peerrec.facade.lists import arrays_for

        length = checked_n(n)
        checked_ids("users", users)
        with self._lock:
            engine = self._opened()
            view, settings = engine.sight.view(self._clock()), engine.sight.settings
            options, table = engine.options, engine.sight.table(view)
        return arrays_for(
            view,
            users,
            length,
            settings,
            exclude_seen=exclude_seen,
            use_trust=options.use_trust,
            seed=options.seed,
            table=table,
            progress=progress,
            cancel=cancel,
        )

    def explain(self, item: RawId) -> Explanation:
        """Return why an item is recommended, or why it is not.

        Raises:
            UnknownItem: nobody here has interacted with it.
        """
        from peerrec.facade.lists import explained

        with self._lock:
            return explained(self._opened().sight, self._clock(), checked_id(item, "item id"))

    def similar(self, item: RawId, n: int = 10) -> Recommendations:
        """Return the items nearest to one, by the people who are heard and have both.

        Raises:
            UnknownItem: nobody here has interacted with it.
        """
        from peerrec.facade.lists import look_alikes

        length = checked_n(n)
        with self._lock:
            sight = self._opened().sight
            return look_alikes(sight, self._clock(), checked_id(item, "item id"), length)

    def still(self) -> Still:
        """Return the present view, to rank from in a thread while this goes on.

        For whoever shares the store with something that must not wait, such as a node.
        """
        from peerrec.facade.still_sight import Still

        with self._lock:
            sight = self._opened().sight
            if self._still is not None:
                self._still.hand_back(sight)
            self._still = Still(sight, self._clock())
            return self._still

    def upkeep(self) -> Upkeep:
        """Return what a daemon does for this recommender; for the thread that uses the store."""
        from peerrec.facade.upkeep import Upkeep

        return Upkeep(self._opened(), self._clock)

    def stats(self) -> Stats:
        """Return how much is known, how it is ranked, and what was tuned."""
        with self._lock:
            return self._opened().stats(self._clock(), self._tuning_failures)

    # -- leaving ------------------------------------------------------------------------

    def forget(
        self,
        item: RawId | None = None,
        *,
        peer: RawId | None = None,
        before: float | None = None,
        everything: bool = False,
    ) -> int:
        """Remove for good, from every file: exactly one of the four; return how many went.

        Args:
            item: all interactions with it, its marks and descriptions.
            peer: all that is known of and from a peer; a block or mute of it stays.
            before: interactions before these unix seconds, of everybody.
            everything: all of it, marks and tuned parameters too.

        Raises:
            ConfigError: none was given, or more than one.
            DataError: what was given is no id, or no number.
        """
        given = [item is not None, peer is not None, before is not None, everything]
        if sum(given) != 1:
            raise ConfigError("forget", sum(given), "give one of item, peer, before, everything")
        for subject, what in ((item, "item id"), (peer, "peer id")):
            if subject is not None:
                checked_id(subject, what)
        if before is not None:
            checked_number(before, "before")
        with self._lock:
            engine = self._opened()
            engine.graph.remove_saved()  # first: should this fail, nothing is half forgotten
            n_before = engine.store.size().interactions
            if item is not None:
                engine.store.forget_item(item)
            elif peer is not None:
                engine.store.forget_peer(peer)
            elif before is not None:
                engine.store.retract(before=before)
            else:
                engine.store.clear()
                engine.forgot_choice()
            engine.sight.changed()
            return n_before - engine.store.size().interactions

    def export(
        self,
        path: Path | str,
        *,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> int:
        """Write everything but settings to a new file of JSON lines; return how many lines.

        Raises:
            StoreError: the file is there already, or cannot be written.
            Cancelled: as asked; the file is removed again.
        """
        from peerrec.facade.transfer import Content, write_lines

        with self._lock:
            engine = self._opened()
            content = Content.of(engine.store)
        lines = content.lines(engine.me)
        return write_lines(Path(path), lines, 1 + len(content), progress, cancel)

    def import_(
        self,
        path: Path | str,
        *,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> int:
        """Add what an export holds; return how many statements.

        The file is checked whole before anything is stored, then stored in batches: when
        cancelled, those before it stay. What its writer called themselves becomes `me`.

        Raises:
            DataError: names the first line that is not allowed; nothing was stored.
            Cancelled: as asked.
        """
        from peerrec.facade.transfer import read_batches, store_batch

        with self._lock:
            me, now = self._opened().me, self._clock()
        source, done = Path(path), 0
        total = sum(map(len, read_batches(source, me, now, cancel)))
        for batch in read_batches(source, me, now, cancel):
            with self._lock:
                engine = self._opened()
                store_batch(engine.store, batch)
                engine.sight.changed()
                engine.recorded(len(batch), now)
            done += len(batch)
            if progress is not None:
                progress(done, total)
        with self._lock:
            engine = self._opened()
            engine.graph.follow()
            engine.save()
        return done

    # -- background work ----------------------------------------------------------------

    def tune(self) -> bool:
        """Search for better parameters now; return whether there was an answer.

        It may be that those in use are the best: `stats` shows the evidence. Takes about
        as long as ``Options.tune_s`` at most; everything else goes on meanwhile.
        """
        with self._lock:
            engine, now = self._opened(), self._clock()
            from peerrec.facade.self_tuning import task_for

            task = task_for(engine.sight, now, engine.options.seed)
            budget_s = engine.options.tune_s
        end = time.monotonic() + budget_s
        choice = self._search()(task, lambda: self._stop.is_set() or time.monotonic() > end)
        with self._lock:
            if choice is None or self._engine is None or self._stop.is_set():
                return False
            self._engine.chosen(choice)
            return True

    def _search(self) -> Tuner:
        if self._tuner is None:
            from peerrec.facade.self_tuning import tuned

            return tuned
        return self._tuner

    def _tune_when_due(self, engine: Engine, now: float) -> None:
        from peerrec.facade.self_tuning import is_due

        if not engine.options.tune or self._worker is not None or self._stop.is_set():
            return
        if now < self._search_from:
            return
        if is_due(engine.own_items(now), engine.choice, now, engine.has_table(now)):
            self._search_from = now + DAY_S  # also when it comes to nothing
            self._worker = threading.Thread(target=self._work, name="peerrec-tuning", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        try:
            self.tune()
        except Exception:
            # Nobody waits for this thread: what went wrong is counted and logged.
            self._tuning_failures += 1
            log.exception("tuning ended early")
        finally:
            self._worker = None
