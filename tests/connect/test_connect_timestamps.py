"""Stamps by a real authority, and everything that an authority, or whoever sits in front of one, may send instead."""

import asyncio
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepwarden.connect import timestamps
from stepwarden.connect.timestamps import (
    Authority,
    Stamp,
    check_anchor,
    check_stamp,
    make_authority,
    request_stamp,
)
from stepwarden.errors import AnchorError, SettingsError
from stepwarden.events.entries import LogAnchored
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.note import encode_base64
from tests.connect.stamping_authority import POLICY, StampingAuthority, now

ORIGIN = "log.example/anchored"
CLAIM = Checkpoint(origin=ORIGIN, size=12, root=sha256(b"root").digest())
TEXT = CLAIM.format()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StampingAuthority]:
    with StampingAuthority(tmp_path_factory.mktemp("authority")).served() as authority:
        yield authority


def known(house: StampingAuthority, policy: str = "") -> Authority:
    return make_authority(house.url, house.roots.read_bytes(), policy)


def ask(house: StampingAuthority, behaviour: str = "good", policy: str = "", at: int | None = None) -> Stamp:
    house.behaviour = behaviour
    return asyncio.run(request_stamp(known(house, policy), TEXT, now=now() if at is None else at))


@pytest.fixture(scope="module")
def stamp(house: StampingAuthority) -> Stamp:
    return ask(house)


def test_a_stamp_is_had_checked_and_checked_again_years_later(house: StampingAuthority, stamp: Stamp) -> None:
    """With the nonce at once; without it, and without the authority, from then on."""
    assert abs(stamp.time - now()) < timestamps.CLOCKS_APART
    assert stamp.policy == POLICY
    again = check_stamp(stamp.response, TEXT, known(house, POLICY), nonce=None)
    assert again == stamp


def test_openssl_says_the_same_of_a_stamp(house: StampingAuthority, stamp: Stamp, tmp_path: Path) -> None:
    """What an auditor does without us: the text of the checkpoint, the response, the root."""
    (tmp_path / "text").write_text(TEXT)
    (tmp_path / "stamp.tsr").write_bytes(stamp.response)
    done = subprocess.run(
        [
            "openssl",
            "ts",
            "-verify",
            "-data",
            tmp_path / "text",
            "-in",
            tmp_path / "stamp.tsr",
            "-CAfile",
            str(house.roots),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verification: OK" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("replay", "Nonce"),
        ("other imprint", "does not hold"),
        ("no nonce", "does not hold"),
        ("status 500", "status 500"),
        ("huge", "answers with more than 32768 bytes"),
        ("html", "something else than a stamp"),
        ("refused", "refused to stamp"),
        ("nothing", "does not hold"),
        ("redirect", "status 307"),
    ],
)
def test_attack_an_authority_sends_something_else(
    house: StampingAuthority, stamp: Stamp, behaviour: str, said: str
) -> None:
    """Each is refused, and says what came instead."""
    with pytest.raises(AnchorError, match=said):
        ask(house, behaviour)


@pytest.mark.parametrize("behaviour", ["silent", "drip"])
def test_attack_an_authority_that_never_ends(
    house: StampingAuthority, behaviour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole of a request has one time, however the bytes drip."""
    monkeypatch.setattr(timestamps, "SECONDS", 0.5)
    with pytest.raises(AnchorError, match=r"did not answer within|cannot be asked"):
        ask(house, behaviour)


def test_an_authority_that_is_not_there(house: StampingAuthority) -> None:
    with pytest.raises(AnchorError, match="cannot be asked"):
        asyncio.run(
            request_stamp(make_authority("http://127.0.0.1:1/", house.roots.read_bytes(), ""), TEXT, now=0)
        )


def test_attack_a_stamp_under_a_root_that_nobody_trusts(
    house: StampingAuthority, stamp: Stamp, tmp_path: Path
) -> None:
    """The certificates that come along in a response are trusted by nobody for that."""
    other = StampingAuthority(tmp_path / "other")
    with pytest.raises(AnchorError, match="does not hold"):
        check_stamp(stamp.response, TEXT, make_authority(house.url, other.roots.read_bytes(), ""), nonce=None)


@pytest.mark.parametrize(
    "made",
    [{"days": (-30, -1)}, {"root_days": (-30, -1)}, {"days": (1, 30)}, {"usage": False}],
    ids=["expired", "root-expired", "not-yet-valid", "not-for-stamping"],
)
def test_attack_a_certificate_that_may_not_stamp_now(tmp_path: Path, made: dict[str, object]) -> None:
    """Expired, not valid yet, or made for something else."""
    authority = StampingAuthority(tmp_path / "authority", **made)  # type: ignore[arg-type]
    query = authority.query(sha256(TEXT.encode()).digest())
    try:
        response = authority.stamp(query)
    except subprocess.CalledProcessError:
        assert made == {"usage": False}  # openssl will not even sign with it
        return
    with pytest.raises(AnchorError, match="does not hold"):
        check_stamp(response, TEXT, make_authority("http://a/", authority.roots.read_bytes(), ""), nonce=None)


def test_attack_a_stamp_is_shown_for_another_checkpoint(house: StampingAuthority, stamp: Stamp) -> None:
    """One entry more or less, another log, another root: another text."""
    for other in (
        Checkpoint(origin=ORIGIN, size=13, root=CLAIM.root),
        Checkpoint(origin=ORIGIN, size=12, root=bytes(32)),
        Checkpoint(origin="log.example/other", size=12, root=CLAIM.root),
    ):
        with pytest.raises(AnchorError, match="does not hold"):
            check_stamp(stamp.response, other.format(), known(house), nonce=None)


def test_a_stamp_under_another_policy_is_refused(house: StampingAuthority) -> None:
    with pytest.raises(AnchorError, match="does not hold"):
        ask(house, policy="1.2.3")


def test_attack_old_certificates_stamp_an_old_time(house: StampingAuthority) -> None:
    """A fresh stamp whose time is not ours: somebody's clock, or somebody's lie."""
    with pytest.raises(AnchorError, match="more than an hour"):
        ask(house, at=now() + 2 * timestamps.CLOCKS_APART)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_byte_of_a_stamp_counts_or_is_refused_in_our_words(
    house: StampingAuthority, stamp: Stamp, data: st.DataObject
) -> None:
    """A changed, cut or longer response is refused, or says the very same; nothing else is ever raised."""
    good = stamp.response
    at = data.draw(st.integers(0, len(good) - 1))
    changed = data.draw(
        st.sampled_from(
            [good[:at], good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :], good + good[:at] + b"x"]
        )
    )
    try:
        found = check_stamp(changed, TEXT, known(house, POLICY), nonce=None)
    except AnchorError:
        return
    assert (found.time, found.policy) == (stamp.time, stamp.policy)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_no_bytes_pass_for_a_stamp(house: StampingAuthority, junk: bytes) -> None:
    with pytest.raises(AnchorError):
        check_stamp(junk, TEXT, known(house), nonce=None)


def test_a_stamp_with_something_after_it_is_refused(house: StampingAuthority, stamp: Stamp) -> None:
    with pytest.raises(AnchorError):
        check_stamp(stamp.response + b"\0", TEXT, known(house), nonce=None)


def anchored(stamp: Stamp, **changed: object) -> LogAnchored:
    fields: dict[str, object] = {
        "time": 1,
        "id": "abcdefgh",
        "authority": "http://a/",
        "size": CLAIM.size,
        "root": CLAIM.root.hex(),
        "stamped": stamp.time,
        "token": encode_base64(stamp.response),
    }
    return LogAnchored(**{**fields, **changed})  # type: ignore[arg-type]


def test_an_entry_is_checked_against_its_stamp(house: StampingAuthority, stamp: Stamp) -> None:
    """Size, root and time in the entry are those of the stamp, or the entry lies."""
    assert check_anchor(anchored(stamp), ORIGIN, known(house)) == stamp
    for changed in (
        {"size": 13},
        {"root": bytes(32).hex()},
        {"root": "no hex"},
        {"stamped": stamp.time + 1},
        {"token": "no base64"},
        {"token": ""},
    ):
        with pytest.raises(AnchorError):
            check_anchor(anchored(stamp, **changed), ORIGIN, known(house))


def test_no_secret_of_an_address_is_shown() -> None:
    """A user, a password or a token in the address stays out of messages and of the log."""
    authority = Authority(url="https://me:secret@stamps.example:8443/v1?token=secret", roots=())
    assert authority.name == "https://stamps.example:8443/v1"


@pytest.mark.parametrize(
    "url", ["", "ftp://a/", "stamps.example", "http://", "http://a:99999/", "file:///etc/passwd"]
)
def test_an_address_that_is_none_stops_the_start(house: StampingAuthority, url: str) -> None:
    with pytest.raises(SettingsError, match="anchors"):
        make_authority(url, house.roots.read_bytes(), "")


@pytest.mark.parametrize(
    "pem", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_roots_that_are_none_stop_the_start(pem: bytes) -> None:
    """Without a certificate to trust nothing could ever be checked."""
    with pytest.raises(SettingsError, match="roots"):
        make_authority("http://a/", pem, "")
    with pytest.raises(SettingsError):
        make_authority("http://a/", pem, "no oid")
