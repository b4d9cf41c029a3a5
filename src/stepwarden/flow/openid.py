"""Stepwarden as an OpenID provider, for step-up only: any client gets it by Authorization Code and PKCE.

It does not sign people in. A client names a person and is told, in an identity token, what that person has proved just
now. Who names them decides what counts as proved before:

* pushed (RFC 9126): the client has authenticated itself by its API key, so it may vouch for a first factor
  (``proved``) and name its session, whose standing counts;
* by the browser alone: anybody may have named anybody. Nothing is proved before, so that only what is a first factor
  by itself will do (``gate.FIRST_FACTORS``), at AAL1 at least, and until then nothing tells whether there is
  such a person.

Each request is an attempt ``openid.step_up`` on the client, decided like any other, by the policy and the risk. Its one
parameter, ``application``, is where the answer goes: that is what the person reads. The
person steps up on our challenge page, in the browser that the request came in, and only there can it go on: the one
who began it somewhere else, and sent a link, gets nothing.

What waits is kept in memory, bounded and for minutes. Requests that are not pushed are bounded in number as well, for
each of them is an entry that nobody has paid for with a key.

Not here: reading requests (``openid_request``), tokens (``openid_tokens``), pages and HTTP.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, assert_never
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from stepwarden.errors import BusyError, ChallengeError, ForbiddenError, StepwardenError, UnauthenticatedError
from stepwarden.events.attempt import Attempt
from stepwarden.events.entries import ExceptionRaised
from stepwarden.flow.answers import Answer, ChallengeOffer, PassedAnswer
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.jose import IDENTITY, Jose
from stepwarden.flow.openid_kept import Kept
from stepwarden.flow.openid_request import (
    PAR_PREFIX,
    AuthorizationRequest,
    Client,
    RefusedRequestError,
    UntrustedError,
    find_client,
    read_request,
    read_state,
)
from stepwarden.flow.openid_tokens import Proof, metadata, proof_by_grant, proof_of, token_response
from stepwarden.flow.pages import Pages
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.shown import Browser

ACTION: Final = "openid.step_up"
BACK: Final = "/openid/continue"
LEAST: Final = "nist-aal1"
"""What is demanded where nobody vouches: without it a low risk would be allowed with nothing proved at all."""
PUSHED_SECONDS: Final = 90
PENDING_SECONDS: Final = 600
CODE_SECONDS: Final = 60
USED_SECONDS: Final = 600
MAX_KEPT: Final = 10_000
SECRET_BYTES: Final = 24
TURNS: Final = 2
"""So many challenges one request may lead to: the second where what was open already had asked for less."""
PLAIN_PER_MINUTE: Final = 120
SAMPLE: Final = 60_000_000
SECOND: Final = 1_000_000


class _Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A request that waits for its challenge. ``turn`` counts them, ``begun`` is when it came (microseconds)."""

    request: AuthorizationRequest
    turn: int
    begun: int


class _Issued(msgspec.Struct, frozen=True, kw_only=True):
    request: AuthorizationRequest
    proof: Proof


class OpenIdProvider:
    """All calls on the loop's thread."""

    def __init__(
        self,
        recorder: Recorder,
        attempts: Attempts,
        pages: Pages,
        jose: Jose,
        *,
        clients: Mapping[str, Client],
        live: Callable[[str], bool],
        entropy: Callable[[int], bytes],
    ) -> None:
        """``live``: whether there is an API key of this id; a client whose key was revoked is none."""
        self._recorder = recorder
        self._attempts = attempts
        self._pages = pages
        self._jose = jose
        self._clients = dict(clients)
        self._live = live
        self._entropy = entropy
        self._pushed: Kept[AuthorizationRequest] = Kept(seconds=PUSHED_SECONDS, limit=MAX_KEPT)
        self._pending: Kept[_Pending] = Kept(seconds=PENDING_SECONDS, limit=MAX_KEPT)
        self._codes: Kept[_Issued] = Kept(seconds=CODE_SECONDS, limit=MAX_KEPT)
        self._used: Kept[str] = Kept(seconds=USED_SECONDS, limit=MAX_KEPT)
        self._minute, self._plain = 0, 0
        self._sampled = -SAMPLE

    def metadata(self) -> Mapping[str, Any]:
        """What this provider is able to do (OpenID Connect Discovery, RFC 8414)."""
        return metadata(self._jose.issuer)

    def has(self, client_id: str) -> bool:
        """Whether this API key is a client."""
        return client_id in self._clients and self._live(client_id)

    # -- from the client, authenticated

    def push(self, client_id: str, given: Mapping[str, str]) -> tuple[str, int]:
        """Take a request from its client itself; the address that stands for it, and the seconds that it is good for.

        Raises:
            RefusedRequestError: it cannot be done.
        """
        given = {"client_id": client_id, **given}
        client, _ = find_client(given, self._clients)
        if client.id != client_id:
            raise RefusedRequestError("invalid_request", "client_id names another client")
        now = self._recorder.now()
        request = read_request(given, client, pushed=True, hinted=self._hinted(given, client_id), now=now)
        name = PAR_PREFIX + self._secret()
        self._pushed.put(name, request, now=now)
        return name, PUSHED_SECONDS

    async def redeem(self, client_id: str, given: Mapping[str, str]) -> dict[str, Any]:
        """Tokens for a code. A code is good for one try, right or wrong.

        Raises:
            RefusedRequestError: it is none, was used, is over, or was given to somebody else.
        """
        if given.get("grant_type") != "authorization_code":
            raise RefusedRequestError("unsupported_grant_type", "the one grant_type is authorization_code")
        code, verifier = given.get("code", ""), given.get("code_verifier", "")
        if not code or not verifier or "redirect_uri" not in given:
            raise RefusedRequestError("invalid_request", "code, redirect_uri and code_verifier are needed")
        now = self._recorder.now()
        issued = self._codes.take(code, now=now)
        wrong = ""
        if issued is None:
            wrong = "a code was used again" if self._used.take(code, now=now) is not None else "unknown"
        else:
            self._used.put(code, client_id, now=now)
            wrong = _mismatch(issued.request, client_id, given["redirect_uri"], verifier)
        if issued is None or wrong:
            if wrong != "unknown":
                await self._exception("openid.token", wrong, by=client_id)
            raise RefusedRequestError("invalid_grant", "the code is not good, or not for this request")
        return token_response(self._jose, issued.request, issued.proof, now=now, jti=self._secret())

    async def unauthenticated(self) -> None:
        """Somebody said to be a client and was not: an entry, at most one a minute, whatever arrives."""
        now = self._recorder.now()
        if now - self._sampled >= SAMPLE:
            self._sampled = now
            await self._exception(
                "openid.client", "a client did not authenticate itself", by="unauthenticated"
            )

    # -- from the browser

    async def authorize(self, given: Mapping[str, str], browser: Browser) -> str:
        """Where the browser goes on: a path of ours, or the client's address with an answer.

        Raises:
            UntrustedError: it is not known where to; the person is told, and nobody else.
        """
        if "request_uri" in given:
            request = self._take_pushed(given)
        else:
            client, address = find_client(given, self._clients)
            if not self._live(client.id):
                raise UntrustedError("invalid_request", "this application is not known here")
            try:
                self._check_pace()
                request = read_request(given, client, pushed=False, hinted=self._hinted(given, client.id))
            except RefusedRequestError as refused:
                return self._told(address, read_state(given), refused)
        begun = _Pending(request=request, turn=0, begun=self._recorder.now())
        if request.silent and request.blind and not request.session:
            return self._error(
                request, RefusedRequestError("interaction_required", "nothing is proved before")
            )
        return await self._decide(begun, browser, None)

    async def go_on(self, challenge: str, code: str, browser: Browser) -> str:
        """The browser comes back from our challenge page, with the code that it was given there, or without.

        Raises:
            UntrustedError: no request of this browser waits for that challenge, or it was not passed.
        """
        name, now = f"{challenge}\n{browser.key}", self._recorder.now()
        pending = self._pending.take(name, now=now)
        if pending is None:
            raise UntrustedError("invalid_request", "no request of this browser waits for this")
        client = pending.request.client
        if not self._live(client.id):
            raise UntrustedError("invalid_request", "this application is not known here")
        if not code:
            return self._error(
                pending.request, RefusedRequestError("access_denied", "the person did not step up")
            )
        try:
            passed = await self._pages.collect(challenge, code, by=client.id, own=True)
        except ChallengeError:
            self._pending.put(name, pending, now=pending.begun)  # a wrong code must not end what is right
            raise UntrustedError("invalid_request", "this was not passed, or too long ago") from None
        except StepwardenError as exc:
            return self._error(pending.request, _refusal(exc))
        return await self._decide(pending, browser, passed)

    # -- inside

    def _take_pushed(self, given: Mapping[str, str]) -> AuthorizationRequest:
        name = given["request_uri"]
        if not name.startswith(PAR_PREFIX):
            raise UntrustedError("request_uri_not_supported", "only addresses of pushed requests are read")
        request = self._pushed.take(name, now=self._recorder.now())
        if (
            request is None
            or request.client.id != given.get("client_id")
            or not self._live(request.client.id)
        ):
            raise UntrustedError(
                "invalid_request_uri", "this request was used, is over, or is somebody else's"
            )
        return request

    def _hinted(self, given: Mapping[str, str], client_id: str) -> str:
        token = given.get("id_token_hint", "")
        if not token:
            return ""
        try:
            # An old one is as good: it only names somebody.
            claims = self._jose.read(token, IDENTITY, audience=client_id, now=0)
        except UnauthenticatedError:
            raise RefusedRequestError(
                "invalid_request", "id_token_hint is no token of ours for you"
            ) from None
        return str(claims.get("sub", ""))

    def _check_pace(self) -> None:
        minute = self._recorder.now() // (60 * SECOND)
        if minute != self._minute:
            self._minute, self._plain = minute, 0
        self._plain += 1
        if self._plain > PLAIN_PER_MINUTE:
            raise RefusedRequestError("temporarily_unavailable", "too many requests that were not pushed")

    async def _decide(self, begun: _Pending, browser: Browser, passed: PassedAnswer | None) -> str:
        request = begun.request
        try:
            answer = await self._attempts.decide(
                self._attempt(begun, browser, passed), by=request.client.id, idempotency_key=""
            )
            match answer.decision:
                case "deny":
                    raise RefusedRequestError("access_denied", "this is not allowed now")
                case "step_up":
                    turn = begun.turn + (passed is not None)
                    return await self._challenge(
                        msgspec.structs.replace(begun, turn=turn), answer.challenge, browser
                    )
                case "allow":
                    return await self._allowed(request, answer, passed)
                case _:
                    assert_never(answer.decision)
        except RefusedRequestError as refused:
            return self._error(request, refused)
        except StepwardenError as exc:
            return self._error(request, _refusal(exc))

    def _attempt(self, begun: _Pending, browser: Browser, passed: PassedAnswer | None) -> Attempt:
        request, max_age = begun.request, begun.request.max_age
        if passed is not None and max_age is not None:
            # Whatever was proved since the request came is as fresh as it asked for, however slowly one goes on.
            max_age = max(max_age, (self._recorder.now() - begun.begun) // SECOND + 1)
        return Attempt(
            action=ACTION,
            actor=request.actor,
            session=request.session,
            resource=request.client.id,
            parameters={"application": urlsplit(request.redirect_uri).netloc},
            peer=browser.peer,
            forwarded_for=browser.forwarded_for,
            user_agent="".join(one for one in browser.user_agent if one.isprintable())[:2048],
            proved=request.proved,
            grant=passed.grant if passed is not None else "",
            acr_values=request.acr_values or (LEAST if request.blind else ""),
            max_age=max_age,
        )

    async def _challenge(self, begun: _Pending, offer: ChallengeOffer | None, browser: Browser) -> str:
        request = begun.request
        blind = request.blind and begun.turn == 0 and offer is not None and not offer.ready
        unmet = RefusedRequestError(
            "unmet_authentication_requirements", "nothing that this person has is enough for what is asked"
        )
        if offer is None or begun.turn >= TURNS:
            raise unmet
        if request.silent:
            raise RefusedRequestError("interaction_required", "a step-up is needed")
        if not blind and not self._pages.can_be_answered(offer.id):
            raise unmet
        self._pages.is_ours(offer.id, BACK, blind=blind)
        try:
            # Opened here and now: the browser that asks is the one that may answer.
            await self._pages.challenge(offer.id, browser)
        except ForbiddenError:
            raise RefusedRequestError("access_denied", "it is being answered in another browser") from None
        self._pending.put(f"{offer.id}\n{browser.key}", begun, now=begun.begun)
        back = quote(self._jose.issuer + BACK, safe="")
        return f"/step-up/{quote(offer.id, safe='')}?return_to={back}"

    async def _allowed(
        self, request: AuthorizationRequest, answer: Answer, passed: PassedAnswer | None
    ) -> str:
        proof = self._proof(request, answer, passed)
        await self._attempts.report(answer.id, outcome="success", proved=(), session="", by=request.client.id)
        code = self._secret()
        self._codes.put(code, _Issued(request=request, proof=proof), now=self._recorder.now())
        return self._back(request.redirect_uri, {"code": code}, request.state)

    def _proof(self, request: AuthorizationRequest, answer: Answer, passed: PassedAnswer | None) -> Proof:
        """What is said to have been proved: by this step-up, else in the session, else by the client's word."""
        if passed is not None:
            return proof_by_grant(self._jose, passed, client=request.client.id, now=self._recorder.now())
        _, decided, _, _ = self._attempts.find(answer.id)
        if decided.standing.aal:
            return proof_of(decided.standing.aal, decided.standing.amr, decided.standing.since)
        if request.blind:
            # Cannot be: something was demanded, and nothing stood. If it is all the same, nothing is said.
            raise RefusedRequestError("access_denied", "nothing was proved")
        return proof_of(1, request.proved, request.vouched)

    def _error(self, request: AuthorizationRequest, refused: RefusedRequestError) -> str:
        return self._told(request.redirect_uri, request.state, refused)

    def _told(self, address: str, state: str, refused: RefusedRequestError) -> str:
        return self._back(address, {"error": refused.code, "error_description": str(refused)}, state)

    def _back(self, address: str, said: Mapping[str, str], state: str) -> str:
        """The client's address with an answer, and who gives it (RFC 9207)."""
        fields = {**said, **({"state": state} if state else {}), "iss": self._jose.issuer}
        return f"{address}{'&' if '?' in address else '?'}{urlencode(fields)}"

    def _secret(self) -> str:
        return urlsafe_b64encode(self._entropy(SECRET_BYTES)).decode()

    async def _exception(self, where: str, detail: str, *, by: str) -> None:
        recorder = self._recorder
        entry = ExceptionRaised(
            time=recorder.now(),
            id=recorder.new_id(),
            by=by,
            code=UnauthenticatedError.code,
            where=where,
            detail=detail,
        )
        await recorder.append(entry).durable


def _mismatch(request: AuthorizationRequest, client_id: str, address: str, verifier: str) -> str:
    """What does not fit a code to whoever brings it; "" where all does. Looked at in full, whatever is wrong."""
    shown = urlsafe_b64encode(sha256(verifier.encode("utf-8", "replace")).digest()).rstrip(b"=")
    proved = hmac.compare_digest(shown, request.code_challenge.encode())
    if request.client.id != client_id:
        return "a code was brought by another client"
    if request.redirect_uri != address:
        return "a code was brought with another address"
    return "" if proved else "a code was brought without the right verifier"


def _refusal(error: StepwardenError) -> RefusedRequestError:
    """What a client is told of an error of the world."""
    if isinstance(error, BusyError):
        return RefusedRequestError("temporarily_unavailable", "too much at once: ask again")
    if isinstance(error, ChallengeError):
        return RefusedRequestError("access_denied", "the person did not step up in time")
    return RefusedRequestError("server_error", "this cannot be decided now")
