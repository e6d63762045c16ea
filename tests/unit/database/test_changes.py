"""Who is told of a change."""

from queue import Queue

from database.changes import Change, ChangeKind, MemoryFeed

PATIENCE_SECONDS = 10.0
WORK = Change(ChangeKind.WORK)


def test_a_subscriber_that_fails_keeps_no_other_from_hearing() -> None:
    heard: Queue[Change] = Queue()
    feed = MemoryFeed()

    def fail(change: Change) -> None:
        raise RuntimeError(change.kind)

    feed.subscribe(fail, {ChangeKind.WORK})
    feed.subscribe(heard.put, {ChangeKind.WORK})
    feed.after_commit([WORK])

    assert heard.get(timeout=PATIENCE_SECONDS) == WORK
    feed.close()


def test_a_feed_may_be_closed_by_its_own_subscriber() -> None:
    heard: Queue[Change] = Queue()
    feed = MemoryFeed()

    def close(change: Change) -> None:
        feed.close()
        heard.put(change)

    feed.subscribe(close, {ChangeKind.WORK})
    feed.after_commit([WORK])

    assert heard.get(timeout=PATIENCE_SECONDS) == WORK


def test_changes_without_a_subscriber_are_not_kept() -> None:
    heard: Queue[Change] = Queue()
    feed = MemoryFeed()

    feed.after_commit([WORK])
    feed.subscribe(heard.put, frozenset(ChangeKind))
    feed.after_commit([Change(ChangeKind.PLUGINS)])

    assert heard.get(timeout=PATIENCE_SECONDS).kind is ChangeKind.PLUGINS
    feed.close()
