"""Asking witnesses: what is believed of their answers, and what an answer may not do to us."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.connect.witnesses import MAX_ANSWER, HttpWitness, check_address, make_http
from stepwarden.errors import SettingsError, WitnessError
from stepwarden.flow.publishing import WitnessFinding
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.cosignature import Ed25519Cosigner
from stepwarden.ledger.note import Signature
from stepwarden.ledger.proof import consistency_proof
from stepwarden.ledger.witness import SIZE, Witness, origin_hash
from tests.ledger.witness_world import NOW, ORIGIN, PLAIN, QUANTUM, Memory, Tree, make_witness

Handler = Callable[[httpx.Request], httpx.Response]
STRANGER = Ed25519Cosigner.from_seed("witness.example/other", bytes([5]) * 32)


def serving(witness: Witness) -> Handler:
    """The real witness, without a socket."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            note = witness.checkpoint(request.url.path.split("/")[-2])
            return httpx.Response(404 if note is None else 200, text=note or "")
        verdict = witness.add(request.content)
        return httpx.Response(
            verdict.status, content=verdict.body.encode(), headers={"content-type": verdict.media}
        )

    return answer


class Client:
    """The client under test, over a handler."""

    def __init__(self, handler: Handler, *, seconds: float = 5.0, verifier: Any = PLAIN.verifier) -> None:
        self.found: list[WitnessFinding] = []
        self.asked: list[httpx.Request] = []

        def transport(request: httpx.Request) -> httpx.Response:
            self.asked.append(request)
            made = handler(request)
            if not made.is_closed:
                return made
            # A response made from bytes counts as read already: it comes as from a socket.
            return httpx.Response(
                made.status_code, headers=made.headers, stream=httpx.ByteStream(made.content)
            )

        http = httpx.AsyncClient(transport=httpx.MockTransport(transport))
        self.witness = HttpWitness(
            "w1", verifier, "https://w1.example/p", http, seconds=seconds, findings=self.found.append
        )

    def cosign(self, tree: Tree, size: int | None = None) -> Signature:
        return asyncio.run(
            self.witness.cosign(
                tree.note(size), tree.claim(size), lambda old, new: consistency_proof(old, new, tree)
            )
        )


def follower(tree: Tree, memory: Memory | None = None) -> Witness:
    return make_witness(memory or Memory(), [tree.signer.verifier])


@pytest.mark.parametrize("cosigner", [PLAIN, QUANTUM], ids=["ed25519", "ml-dsa"])
def test_a_log_collects_cosignatures_as_it_grows(cosigner: Any) -> None:
    """The size that the witness knows is remembered: from the second head on each takes one request."""
    tree = Tree.of(3)
    client = Client(serving(follower(tree)), verifier=cosigner.verifier)
    for size in (3, 4, 9, 9):
        line = client.cosign(tree.grow(size))
        assert cosigner.verifier.verify(tree.claim().format().encode(), line.signature)
    assert len(client.asked) == 4
    assert client.asked[0].url == "https://w1.example/p/add-checkpoint"
    assert not client.found


def test_a_log_that_forgot_how_far_the_witness_was_goes_on_from_there() -> None:
    """409 tells the size; the proof is made from it and the head offered again."""
    tree = Tree.of(6)
    witness = follower(tree)
    assert witness.add(tree.body(0)).status == 200
    client = Client(serving(witness))
    client.cosign(tree.grow(11))
    assert len(client.asked) == 2
    assert not client.found


def test_rolled_back_log_is_a_finding() -> None:
    """The witness knows more than we have: told with the note that proves it, and nothing is signed."""
    tree = Tree.of(10)
    witness = follower(tree)
    assert witness.add(tree.body(0)).status == 200
    whole = witness.checkpoint(origin_hash(ORIGIN)) or ""
    tree.leaves = tree.leaves[:7]
    client = Client(serving(witness))
    with pytest.raises(WitnessError) as caught:
        client.cosign(tree)
    assert caught.value.size == 10
    assert [(found.kind, found.size, found.note) for found in client.found] == [("ahead", 10, whole)]


@pytest.mark.parametrize("size", [10, 15])
def test_forked_log_is_a_finding(size: int) -> None:
    """The witness signed another root for our size, or our own proof does not hold there."""
    tree = Tree.of(10)
    witness = follower(tree)
    assert witness.add(tree.body(0)).status == 200
    tree.leaves[2] = b"forged"
    client = Client(serving(witness))
    with pytest.raises(WitnessError):
        client.cosign(tree.grow(size))
    assert [(found.kind, found.size) for found in client.found] == [("fork", 10)]


def lines(*signatures: Signature) -> httpx.Response:
    return httpx.Response(200, text="".join(one.format() for one in signatures))


def test_bad_signature_by_a_witness_does_not_count() -> None:
    """A cosignature over another tree, or with bytes changed, is none."""
    tree = Tree.of(4)
    other = PLAIN.cosign(Tree.of(5).claim().format(), NOW)
    good = PLAIN.cosign(tree.claim().format(), NOW)
    changed = Signature(
        name=good.name, key_id=good.key_id, signature=good.signature[:-1] + bytes([good.signature[-1] ^ 1])
    )
    for line in (other, changed):
        with pytest.raises(WitnessError, match="does not verify"):
            Client(lambda _, line=line: lines(line)).cosign(tree)  # type: ignore[misc]


def test_signature_by_a_key_that_is_not_the_witness_s_does_not_count() -> None:
    """Another witness's key, the log's own key under the witness's name, and a time of zero."""
    tree = Tree.of(4)
    text = tree.claim().format()
    own = tree.signer.sign(text.encode())
    for line in (
        STRANGER.cosign(text, NOW),
        Signature(name=PLAIN.name, key_id=tree.signer.key_id, signature=own),
        Signature(name=PLAIN.name, key_id=PLAIN.key_id, signature=own),
        PLAIN.cosign(text, 0),
    ):
        with pytest.raises(WitnessError):
            Client(lambda _, line=line: lines(line)).cosign(tree)  # type: ignore[misc]
    client = Client(lambda _: lines(STRANGER.cosign(text, NOW), PLAIN.cosign(text, NOW)))
    assert client.cosign(tree).name == PLAIN.name


def size_told(told: str) -> httpx.Response:
    return httpx.Response(409, content=told.encode(), headers={"content-type": SIZE})


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text=""),
        httpx.Response(200, text="no signature\n"),
        httpx.Response(200, content=b"\xff\xff"),
        httpx.Response(409, text="3\n"),
        size_told("3"),
        size_told("03\n"),
        size_told("-1\n"),
        size_told("9" * 400 + "\n"),
        httpx.Response(403, text="no"),
        httpx.Response(404, text="no"),
        httpx.Response(422, text="a proof from nothing cannot be wrong"),
        httpx.Response(500, text="no"),
        httpx.Response(302, headers={"location": "https://elsewhere.example/"}),
        httpx.Response(307, headers={"location": "http://169.254.169.254/"}),
    ],
)
def test_a_witness_that_answers_nonsense_is_no_witness(answer: httpx.Response) -> None:
    """One error, no finding, and no redirect is followed."""
    client = Client(lambda _: answer)
    with pytest.raises(WitnessError):
        client.cosign(Tree.of(4))
    assert not client.found
    assert {request.url.host for request in client.asked} == {"w1.example"}


def test_a_witness_that_names_another_size_each_time_is_left() -> None:
    """It cannot keep us busy: three tries."""
    sizes = iter(range(1, 100))
    client = Client(lambda _: size_told(f"{next(sizes)}\n"))
    with pytest.raises(WitnessError):
        client.cosign(Tree.of(50))
    assert len(client.asked) == 3


def test_an_endless_answer_is_cut_off() -> None:
    """No more is read than an answer can have."""

    class Endless(httpx.AsyncByteStream):
        given = 0

        async def __aiter__(self) -> Any:
            while True:
                Endless.given += 65_536
                yield b"x" * 65_536

    with pytest.raises(WitnessError, match="more than"):
        Client(lambda _: httpx.Response(200, stream=Endless())).cosign(Tree.of(4))
    assert Endless.given <= MAX_ANSWER + 2 * 65_536


def test_a_witness_that_hangs_is_left_after_its_time() -> None:
    """Also when each byte comes in time."""

    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            while True:
                yield b"x"
                await asyncio.sleep(0.01)

    with pytest.raises(WitnessError, match="did not answer within"):
        Client(lambda _: httpx.Response(200, stream=Dripping()), seconds=0.1).cosign(Tree.of(4))


def test_a_witness_that_is_gone_is_an_error_of_ours() -> None:
    """What the HTTP library raises does not get out."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(WitnessError, match="out of reach"):
        Client(refuse).cosign(Tree.of(4))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([200, 409, 422, 418, 599]),
    st.binary(max_size=80) | st.integers(-1, 2**64).map(lambda number: b"%d\n" % number),
    st.sampled_from([SIZE, "text/plain", ""]),
)
def test_no_answer_makes_the_client_raise_anything_else(status: int, body: bytes, media: str) -> None:
    """Whatever comes back, it is an error of ours."""
    client = Client(lambda _: httpx.Response(status, content=body, headers={"content-type": media}))
    with pytest.raises(WitnessError):
        client.cosign(Tree.of(4))


@pytest.mark.parametrize(
    "url",
    [
        "http://witness.example",
        "http://10.0.0.1:8701",
        "http://localhost.example",
        "http://127.0.0.1.example/",
        "ftp://127.0.0.1",
        "//witness.example",
        "https://",
        "https://user:secret@witness.example",
        "https://witness.example/?a=b",
        "https://witness.example/#a",
        "https://witness.example:99999",
        "https://wit ness.example",
        "https://wítness.example",
        "https://witness.example/\r\nx: y",
        "file:///etc/passwd",
    ],
)
def test_addresses_that_are_not_asked(url: str) -> None:
    """No plain http to other machines, no secrets in addresses, nothing that is no http."""
    with pytest.raises(SettingsError):
        check_address(url, plain=False)


@pytest.mark.parametrize(
    ("url", "plain", "address"),
    [
        ("https://witness.example", False, "https://witness.example"),
        ("https://witness.example/w1/", False, "https://witness.example/w1"),
        ("http://127.0.0.1:8701", False, "http://127.0.0.1:8701"),
        ("http://[::1]:8701/", False, "http://[::1]:8701"),
        ("http://localhost:8701", False, "http://localhost:8701"),
        ("http://10.0.0.1:8701", True, "http://10.0.0.1:8701"),
    ],
)
def test_addresses_that_are_asked(url: str, plain: bool, address: str) -> None:
    """https anywhere, plain http to this machine, and elsewhere only where the operator says so."""
    assert check_address(url, plain=plain) == address


def test_the_client_takes_nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment would see, and could change, what is asked."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    async def run() -> bool:
        async with make_http(1.0) as http:
            assert not http.follow_redirects
            return bool(http._mounts)

    assert not asyncio.run(run())


def test_nothing_of_ours_is_in_a_request_but_the_head() -> None:
    """No cookies, no credentials; the body is the request of the protocol."""
    tree = Tree.of(3)
    client = Client(serving(follower(tree)))
    client.cosign(tree)
    (request,) = client.asked
    assert not {"cookie", "authorization"} & set(request.headers)
    assert json.dumps(request.content.decode()).count("old 0") == 1
    assert Checkpoint.parse(tree.claim().format()).size == 3
