"""The primitives over time: counts, bounded sets of peers, the site's rate against its own past, bounded tables."""

from hypothesis import given
from hypothesis import strategies as st

from stepwarden.signals.records import Labels, Table, withdraw
from stepwarden.signals.windows import (
    DAY,
    HOUR,
    KEPT,
    MINUTE,
    MOST_PEERS,
    MOST_TIMES,
    NEWEST,
    Peers,
    SiteRate,
    Times,
    add,
    count,
    counts,
    distinct,
    meet,
    second_of,
)

seconds = st.integers(0, NEWEST)


def seconds_in(times: Times) -> list[int]:
    return [times] if isinstance(times, int) else list(times)


@given(st.lists(st.integers(0, 2 * KEPT), max_size=400), st.integers(0, 3 * KEPT))
def test_times_are_the_newest_events_of_a_day_in_order(events: list[int], now: int) -> None:
    """Whatever the order of arrival, what is kept is sorted, bounded, and the end of what happened."""
    times: Times | None = None
    for second in events:
        times = add(times, second)
    if times is None:
        assert not events
        return
    kept = seconds_in(times)
    assert kept == sorted(events)[-len(kept) :]
    assert len(kept) <= MOST_TIMES
    reach = [event for event in events if event >= max(events) - KEPT]
    assert len(kept) >= min(len(reach), 1)
    assert kept[0] >= kept[-1] - KEPT
    windows = (MINUTE, 10 * MINUTE, HOUR, DAY)
    assert counts(times, now) == tuple(count(times, now, window) for window in windows)
    assert count(times, now, DAY) == sum(now - DAY <= second <= now for second in kept)


@given(st.lists(st.tuples(st.sampled_from(["", *"abcdef"]), st.integers(0, 1000))), st.integers(0, 2 * DAY))
def test_peers_are_counted_by_when_each_was_last_seen(visits: list[tuple[str, int]], now: int) -> None:
    """A lone peer, many peers and unnamed ones in between: all as a dict of last times would say."""
    peers: Peers = None
    last = 0
    truth: dict[str, int] = {}
    for peer, second in visits:
        peers = meet(peers, peer, second, last)
        last = max(last, second)
        if peer:
            truth[peer] = max(second, truth.get(peer, 0))
    # The record's time goes on with an unnamed visitor, so `meet` must have been told before.
    expected = tuple(sum(time >= now - window for time in truth.values()) for window in (HOUR, DAY))
    assert distinct(peers, now, last) == expected


def test_more_peers_than_fit_leave_the_latest() -> None:
    """A sprayed address remembers a bounded number of actors, and the count stays at that."""
    peers: Peers = None
    for i in range(1000):
        peers = meet(peers, f"u{i}", i, max(0, i - 1))
    assert isinstance(peers, dict)
    assert len(peers) == MOST_PEERS
    assert set(peers) == {f"u{i}" for i in range(1000 - MOST_PEERS, 1000)}
    assert distinct(peers, 1000, 999) == (MOST_PEERS, MOST_PEERS)


@given(st.integers())
def test_any_time_is_held_within_four_bytes(microseconds: int) -> None:
    assert 0 <= second_of(microseconds) <= NEWEST


@given(st.lists(st.tuples(st.integers(0, 40 * DAY), st.booleans()), min_size=1, max_size=60), seconds)
def test_site_rates_equal_a_recomputation(events: list[tuple[int, bool]], later: int) -> None:
    """Permille of whole minutes, with a late event counted in the newest minute."""
    site = SiteRate()
    clock = 0
    placed: list[tuple[int, bool]] = []
    for second, failed in events:
        clock = max(clock, second)
        site.add(clock, failed)
        placed.append((clock // MINUTE, failed))
    for now in (clock, clock + later % (3 * HOUR)):
        for window, found in ((10, site.values(now)[0]), (60, site.values(now)[1])):
            inside = [failed for minute, failed in placed if minute >= now // MINUTE - window]
            assert found == (1000 * sum(inside) // len(inside) if inside else 0)
        assert site.values(now)[2] == 0


def test_a_site_forgets_what_is_older_than_its_baseline_and_keeps_its_rate() -> None:
    """Two months of minutes stay within two weeks of memory, and the lift of an even rate is 100 percent."""
    site = SiteRate()
    for minute in range(60 * 24 * 60):
        site.add(minute * MINUTE, minute % 10 == 0)
    assert len(site.minutes) <= 2 * site.WEEK
    ten, hour, lift = site.values(60 * DAY - 1)
    assert (ten, hour) == (90, 98)
    assert 95 <= lift <= 105


@given(st.integers(1, 200), st.lists(st.integers(0, 400), max_size=300))
def test_a_table_keeps_the_last_used_and_never_more_than_its_limit(limit: int, keys: list[int]) -> None:
    """The one just used is always there, what is there is in the order of use, and nothing exceeds the limit."""
    table = Table(limit, Labels)
    used: list[str] = []
    for key in keys:
        name = str(key)
        before = table.items.get(name)
        record = table.use(name)
        assert before is None or record is before
        used = [one for one in used if one != name] + [name]
        assert len(table.items) <= limit
        assert list(table.items) == used[-len(table.items) :]
    assert len(table.items) >= min(len(used), limit - limit // 64)


def test_a_withdrawn_event_is_the_newest() -> None:
    times = add(add(None, 5), 9)
    shorter = withdraw(times)
    assert shorter is not None
    assert seconds_in(shorter) == [5]
    assert withdraw(shorter) is None
    assert withdraw(None) is None
