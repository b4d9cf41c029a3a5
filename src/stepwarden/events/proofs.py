"""Entries about proving who one is: challenges, their answers, factors, sessions and devices.

They are part of the closed union in ``entries``, whose module says what all kinds have in common.
"""

from typing import Literal

from stepwarden.events.base import AAL, Base


class ChallengeIssued(Base, frozen=True, kw_only=True, tag="challenge.issued"):
    """A step-up was asked for. ``previous`` is the decision. ``nonce`` and ``binding`` are SHA-256, hex.

    ``nonce`` commits to the challenge, the binding, the policy and what is approved (see ``stepup.binding``); a passkey
    signs it. What is approved is the personal field ``approval``: action, resource and parameters as one JSON text.
    ``proved`` are the methods that stand already; ``ready`` says whether it may be answered at once, or only after the
    first factor has been reported; ``recovery`` whether a recovery code will do; ``methods``: by one of these only.
    """

    challenge: str
    actor: str
    session: str
    action: str
    nonce: str
    binding: str
    aal: AAL
    expires: int
    ready: bool
    recovery: bool = False
    proved: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


class ChallengeSent(Base, frozen=True, kw_only=True, tag="challenge.sent"):
    """A code, or a request to approve, was handed over for delivery. ``previous`` is the challenge.

    ``credential`` is where it went; ``code`` the keyed hash (hex) of challenge and code, which a code sent before
    loses its worth by.
    """

    challenge: str
    actor: str
    factor: str
    credential: str
    code: str


class ChallengeAnswered(Base, frozen=True, kw_only=True, tag="challenge.answered"):
    """An answer that did not pass, and why; the reason is never told to the one who answers.

    ``cloned``: a passkey whose counter went back, so there are two of it. ``credential`` says which.
    """

    challenge: str
    actor: str
    factor: str
    result: Literal["wrong", "replayed", "locked", "not_ready", "closed", "cloned"]
    credential: str = ""


class ChallengePassed(Base, frozen=True, kw_only=True, tag="challenge.passed"):
    """The factor was right. ``step`` is the time step used (-1: none); ``grant`` the SHA-256 of the grant.

    ``credential`` is what was used up: the authenticator whose time step it was, or the one recovery code.

    ``session`` is the session whose standing rises, to ``aal`` by ``amr``; the grant ends at ``expires``.
    ``held``: neither counts before a ``challenge.released`` follows, because witnesses have to sign first.
    ``deferred``: neither counts before a ``challenge.collected`` follows: it was passed on our page, and the
    application has to fetch it with what only the browser that passed was given.

    Of a passkey, ``proof`` is the assertion: authenticator data, client data and signature in base64url, between
    points; ``sign_count`` its counter; ``synced`` and ``backed_up`` its backup flags, and ``backup_changed`` whether
    they were others before.
    """

    challenge: str
    actor: str
    session: str
    factor: str
    amr: tuple[str, ...]
    aal: AAL
    grant: str
    expires: int
    credential: str = ""
    step: int = -1
    held: bool = False
    deferred: bool = False
    proof: str = ""
    sign_count: int = 0
    synced: bool = False
    backed_up: bool = False
    backup_changed: bool = False


class ChallengeCollected(Base, frozen=True, kw_only=True, tag="challenge.collected"):
    """The application has fetched a success from our page: grant and standing count from here on.

    ``previous`` is the deferred ``challenge.passed``.
    """

    challenge: str
    actor: str
    session: str


class ChallengeReleased(Base, frozen=True, kw_only=True, tag="challenge.released"):
    """The witnesses that a held success waited for have signed: grant and standing count from here on.

    ``previous`` is the held ``challenge.passed``; ``size`` that of the checkpoint that the named ``witnesses`` signed.
    """

    challenge: str
    actor: str
    session: str
    size: int
    witnesses: tuple[str, ...]


class ChallengeWithheld(Base, frozen=True, kw_only=True, tag="challenge.withheld"):
    """A held success is void: not enough witnesses signed in time. ``previous`` is the ``challenge.passed``."""

    challenge: str
    actor: str
    session: str
    reason: str


class ChallengeFailed(Base, frozen=True, kw_only=True, tag="challenge.failed"):
    """The challenge is over: too many wrong answers (the last of them is this entry and counts), or a refusal.

    ``denied``: the person said that it was not them.
    """

    challenge: str
    actor: str
    factor: str
    reason: Literal["wrong", "denied"] = "wrong"


class ChallengeExpired(Base, frozen=True, kw_only=True, tag="challenge.expired"):
    """Nobody passed it in time (abandoned)."""

    challenge: str
    actor: str


class FactorEnrolled(Base, frozen=True, kw_only=True, tag="factor.enrolled"):
    """A person can now prove themselves this way. The secret is never in the log. ``count``: codes made.

    Its name, and an address that codes go to, are personal fields (``name``). A passkey's ``public_key`` (COSE, in
    base64url) and ``rp_id`` are here, so that its proofs can be verified from the log. ``hardware``: its key cannot
    leave an authenticator that we know; ``synced``: it may be copied to other devices; ``aaguid``: its model.
    """

    actor: str
    factor: str
    credential: str
    count: int = 0
    public_key: str = ""
    rp_id: str = ""
    aaguid: str = ""
    hardware: bool = False
    synced: bool = False
    backed_up: bool = False
    sign_count: int = 0


class FactorRemoved(Base, frozen=True, kw_only=True, tag="factor.removed"):
    """A factor is gone. ``previous`` is the attempt that allowed it; -1 with a ``reason``: an operator took it away."""

    actor: str
    factor: str
    credential: str
    reason: str = ""


class SessionRevoked(Base, frozen=True, kw_only=True, tag="session.revoked"):
    """A session (token) is over and stays so: nothing is allowed in it any more. Empty: all but ``kept``."""

    actor: str
    session: str
    kept: str = ""
    reason: str = ""


class DeviceRemembered(Base, frozen=True, kw_only=True, tag="device.remembered"):
    """A device was given a signed cookie, good until ``expires`` for this actor and this kind of agent (token)."""

    actor: str
    device: str
    expires: int
    agent: str


class DeviceForgotten(Base, frozen=True, kw_only=True, tag="device.forgotten"):
    """A remembered device means nothing any more. Empty: all of this actor's."""

    actor: str
    device: str


class GrantRedeemed(Base, frozen=True, kw_only=True, tag="grant.redeemed"):
    """A grant was used up without an attempt, by whoever protects the action itself. ``grant`` is its SHA-256."""

    actor: str
    grant: str
    binding: str
