"""Trust policies: the specification's example, every rule broken once, and quorums against an oracle."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import BadSignatureError, MalformedNoteError, WitnessError
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.cosignature import Cosigner, Ed25519Cosigner, MlDsaCosigner
from stepwarden.ledger.note import Ed25519Signer, Ed25519Verifier, Signature, SignedNote, sign_note
from stepwarden.ledger.witness_policy import WitnessPolicy

LOG = Ed25519Signer.from_seed("log.example/ours", bytes(32))
OTHER = Ed25519Signer.from_seed("log.example/theirs", bytes([99]) * 32)
NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
COSIGNERS: dict[str, Cosigner] = {
    name: (MlDsaCosigner if name == "Y3" else Ed25519Cosigner).from_seed(
        f"witness.example/{name.lower()}", bytes([number]) * 32
    )
    for number, name in enumerate(NAMES, start=1)
}
KEYS = {name: cosigner.verifier.format() for name, cosigner in COSIGNERS.items()}
EXAMPLE = f"""log {LOG.verifier.format()}

witness X1 {KEYS["X1"]}
witness X2 {KEYS["X2"]}
witness X3 {KEYS["X3"]}
group X-witnesses 2 X1 X2 X3

\t # the others
witness Y1 {KEYS["Y1"]} https://y1.example/witness
  witness\tY2  {KEYS["Y2"]}\t
witness Y3 {KEYS["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
CLAIM = Checkpoint(origin="log.example/ours", size=12, root=bytes(range(32)))
TEXT = CLAIM.format()
TIME = 1_679_315_147


def published(*names: str, text: str = TEXT, log: Ed25519Signer = LOG, time: int = TIME) -> str:
    own = SignedNote.parse(sign_note(text, [log])).signatures
    lines = [COSIGNERS[name].cosign(text, time) for name in names]
    return SignedNote(text=text, signatures=(*own, *lines)).format()


def test_the_specification_s_example_means_what_it_says() -> None:
    """Two of three X and one of three Y; comments, tabs, spaces and addresses are read."""
    policy = WitnessPolicy.parse(EXAMPLE)
    assert tuple(policy.witnesses) == NAMES
    assert policy.witnesses["Y1"].url == "https://y1.example/witness"
    assert policy.witnesses["Y2"].url == ""
    assert policy.satisfied_by({"X1", "X3", "Y2"})
    assert not policy.satisfied_by({"X1", "Y1", "Y2", "Y3"})
    assert not policy.satisfied_by({"X1", "X2", "X3"})
    assert not policy.satisfied_by(())


def test_naming_a_group_or_a_stranger_gives_no_quorum() -> None:
    """Only witnesses count: the names of groups, and unknown ones, are nobody."""
    policy = WitnessPolicy.parse(EXAMPLE)
    assert not policy.satisfied_by({"X-and-Y", "X-witnesses", "Y-witnesses", "none", "W"})


def test_a_checkpoint_with_its_quorum_opens() -> None:
    """Log and witnesses of both kinds verify; who signed comes back under the policy's names."""
    claim, names = WitnessPolicy.parse(EXAMPLE).open(published("X2", "X1", "Y3"))
    assert claim == CLAIM
    assert names == {"X1", "X2", "Y3"}


def test_a_checkpoint_with_too_few_witnesses_is_refused() -> None:
    """The message says who did sign."""
    with pytest.raises(WitnessError, match="size 12: X1, Y1"):
        WitnessPolicy.parse(EXAMPLE).open(published("X1", "Y1"))


def test_one_witness_signing_twice_counts_once() -> None:
    """Repeating a line, or signing again a second later, is one witness."""
    lines = [COSIGNERS["X1"].cosign(TEXT, time) for time in (TIME, TIME, TIME + 1)]
    note = SignedNote.parse(published("Y1"))
    crowded = SignedNote(text=TEXT, signatures=(*note.signatures, *lines)).format()
    with pytest.raises(WitnessError, match="X1, Y1"):
        WitnessPolicy.parse(EXAMPLE).open(crowded)


def test_witnesses_cannot_make_up_for_the_log() -> None:
    """However many of them signed: a checkpoint that its log did not sign is nobody's."""
    lines = [cosigner.cosign(TEXT, TIME) for cosigner in COSIGNERS.values()]
    with pytest.raises(BadSignatureError, match="no key of a known log"):
        WitnessPolicy.parse(EXAMPLE).open(SignedNote(text=TEXT, signatures=tuple(lines)).format())


def test_a_log_cannot_sign_under_another_log_s_name() -> None:
    """A key speaks for the origin that is its name, also when both logs are in the policy."""
    both = EXAMPLE.replace("\n\n", f"\nlog {OTHER.verifier.format()}\n\n", 1)
    policy = WitnessPolicy.parse(both)
    with pytest.raises(BadSignatureError, match="no key of a known log"):
        policy.open(published("X1", "X2", "Y1", log=OTHER))
    text = Checkpoint(origin=OTHER.name, size=1, root=bytes(32)).format()
    assert policy.open(published("X1", "X2", "Y1", text=text, log=OTHER))[0].origin == OTHER.name


def test_a_witness_s_key_as_the_log_s_does_not_help() -> None:
    """A witness whose name is the origin may vouch, not speak for the log."""
    witness = Ed25519Cosigner.from_seed(CLAIM.origin, bytes([77]) * 32)
    policy = WitnessPolicy.parse(
        f"log {LOG.verifier.format()}\nwitness W {witness.verifier.format()}\nquorum W\n"
    )
    with pytest.raises(BadSignatureError):
        policy.open(SignedNote(text=TEXT, signatures=(witness.cosign(TEXT, TIME),)).format())


def test_one_forged_line_of_a_known_witness_refuses_the_note() -> None:
    """Also where the others would do: somebody lies about a key that we trust."""
    note = SignedNote.parse(published("X1", "X2", "Y1", "Y2"))
    last = note.signatures[-1]
    forged = Signature(name=last.name, key_id=last.key_id, signature=last.signature[:8] + bytes(64))
    with pytest.raises(BadSignatureError, match="does not verify"):
        WitnessPolicy.parse(EXAMPLE).open(
            SignedNote(text=TEXT, signatures=(*note.signatures[:-1], forged)).format()
        )


def test_a_cosignature_without_a_time_is_no_witness_s() -> None:
    """Time 0 says nothing about when: it verifies and does not count."""
    with pytest.raises(WitnessError, match="none"):
        WitnessPolicy.parse(EXAMPLE).open(published("X1", "X2", "Y1", time=0))


def test_a_policy_without_logs_takes_the_keys_that_are_known_from_elsewhere() -> None:
    """And with logs of its own it takes only those."""
    alone = WitnessPolicy.parse(f"witness X1 {KEYS['X1']}\nquorum X1\n")
    with pytest.raises(BadSignatureError):
        alone.open(published("X1"))
    assert alone.open(published("X1"), [LOG.verifier])[1] == {"X1"}
    with pytest.raises(BadSignatureError):
        alone.open(published("X1"), [OTHER.verifier])
    theirs = WitnessPolicy.parse(f"log {OTHER.verifier.format()}\nquorum none\n")
    with pytest.raises(BadSignatureError):
        theirs.open(published(), [LOG.verifier])


def test_quorum_none_asks_for_no_witness_but_for_the_log() -> None:
    """The least that a policy can ask for."""
    policy = WitnessPolicy.parse(f"log {LOG.verifier.format()}\nquorum none\n")
    assert policy.open(published()) == (CLAIM, frozenset())
    with pytest.raises(BadSignatureError):
        policy.open(published(log=OTHER))


W1, W2 = f"witness A {KEYS['X1']}\n", f"witness B {KEYS['X2']}\n"
TWIN = Ed25519Cosigner.from_seed("another.example", bytes([1]) * 32).verifier.format()
OWN = Ed25519Cosigner.from_seed("witness.example/self", bytes(32)).verifier.format()
TWO_LOGS = f"log {LOG.verifier.format()}\nlog {Ed25519Verifier('n', LOG.verifier.public_key).format()}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: .* without a quorum"),
        ("# nothing\n\n", "line 3: .* without a quorum"),
        ("quorum none", "line 1: not ended by a newline"),
        ("quorum none\nquorum none\n", "line 2: a second quorum"),
        ("quorum A\n" + W1, "line 1: no witness or group 'A' above"),
        ("quorum none none\n", "line 1: a quorum line has other parts"),
        ("quorum\n", "line 1: a quorum line has other parts"),
        ("\nallow all\n", "line 2: 'allow' begins no line"),
        ("log\nquorum none\n", "line 1: a log line has other parts"),
        ("log x\nquorum none\n", "line 1: a public key reads"),
        (f"log {LOG.verifier.format()} u more\n", "line 1: a log line has other parts"),
        (f"log {KEYS['X1']}\n", "line 1: a log's key is of type 01 or 06"),
        (TWO_LOGS, "line 2: this public key stands in a line above"),
        (f"witness A {LOG.verifier.format()}\n", "line 1: a witness's key is of type 04 or 06"),
        (W1 + W1, "line 2: the name 'A' is taken"),
        (W1 + f"witness B {KEYS['X1']}\n", "line 2: this public key stands"),
        (W1 + f"witness B {TWIN}\n", "line 2: this public key stands"),
        (f"log {LOG.verifier.format()}\nwitness A {OWN}\n", "line 2: this public key stands"),
        (f"witness none {KEYS['X1']}\n", "line 1: the name 'none' is taken"),
        ("witness A\n", "line 1: a witness line has other parts"),
        (W1 + "group G all\n", "line 2: a group line has other parts"),
        (W1 + "group A all A\n", "line 2: the name 'A' is taken"),
        (W1 + "group G all G\n", "line 2: no witness or group 'G' above"),
        (W1 + "group G all none\n", "line 2: no witness or group 'none' above"),
        (W1 + "group G all A A\n", "line 2: 'A' is a member already"),
        (W1 + W2 + "group G any A\ngroup H any A B\n", "line 4: 'A' is a member already"),
        (W1 + "group G 0 A\n", "line 2: 0 of 1 members"),
        (W1 + "group G 2 A\n", "line 2: 2 of 1 members"),
        (W1 + "group G 01 A\n", "line 2: not a number"),
        (W1 + "group G ANY A\n", "line 2: not a number"),
        (W1 + "group G -1 A\n", "line 2: not a number"),
        ("quorum none\r\n", "line 1: control characters"),
        ("quorum\x0bnone\n", "line 1: control characters"),
        ("quorum none\x7f\n", "line 1: control characters"),
        ("# \udc80\nquorum none\n", "line 1: control characters"),
        ("quorum\u00a0none\n", "line 1: .* begins no line"),
        ("#" * 1_000_001, "longer than"),
    ],
)
def test_each_broken_rule_is_named_with_its_line(text: str, message: str) -> None:
    """Whoever writes a policy is told where it is wrong."""
    with pytest.raises(MalformedNoteError, match=f"^{message}"):
        WitnessPolicy.parse(text)


def test_a_deep_nest_of_groups_is_no_trouble() -> None:
    """Groups of groups of groups, thousands deep: no recursion to exhaust."""
    groups = "".join(f"group G{n} any {'A' if n == 0 else f'G{n - 1}'}\n" for n in range(5_000))
    policy = WitnessPolicy.parse(W1 + groups + "quorum G4999\n")
    assert policy.satisfied_by({"A"})
    assert not policy.satisfied_by(())


@st.composite
def policies(draw: st.DrawFn) -> str:
    """A policy over some of the witnesses, with nested groups."""
    free = list(draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)))
    lines = [
        f"witness {name} {KEYS[name]} {draw(st.sampled_from(['', 'https://w.example/']))}" for name in free
    ]
    for number in range(draw(st.integers(0, 3))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, unique=True)) if free else []
        if not members:
            break
        free = [name for name in free if name not in members] + [f"G{number}"]
        threshold = draw(st.sampled_from(["any", "all"]) | st.integers(1, len(members)).map(str))
        lines.append(f"group G{number} {threshold} {' '.join(members)}")
    return "\n".join([*lines, f"quorum {draw(st.sampled_from([*free, 'none']))}", ""])


def oracle(text: str, name: str, signed: set[str]) -> bool:
    """The rule by recursion over the text, written without our parser."""
    if name == "none" or name in signed:
        return True
    found = re.search(rf"^group {name} (\S+) (.+)$", text, re.MULTILINE)
    if found is None:
        return False
    members = found[2].split()
    wanted = {"any": 1, "all": len(members)}.get(found[1]) or int(found[1])
    return sum(oracle(text, member, signed) for member in members) >= wanted


@settings(max_examples=150, deadline=None)
@given(text=policies(), signed=st.sets(st.sampled_from(NAMES)))
def test_quorums_are_those_of_the_definition(text: str, signed: set[str]) -> None:
    """Against a recursive oracle; and more signatures never hurt; and the policy reads back."""
    policy = WitnessPolicy.parse(text)
    known = signed & set(policy.witnesses)
    assert policy.satisfied_by(signed) == oracle(text, policy.quorum, known)
    assert not policy.satisfied_by(signed) or policy.satisfied_by({*signed, *NAMES})
    again = WitnessPolicy.parse(policy.format())
    assert again.format() == policy.format()
    assert again.satisfied_by(signed) == policy.satisfied_by(signed)


_WORDS = [
    "log",
    "witness",
    "group",
    "quorum",
    "none",
    "any",
    "all",
    "1",
    "A",
    "#",
    KEYS["X1"],
    KEYS["X2"],
    "\t",
    "",
]
soup = st.lists(st.sampled_from(_WORDS) | st.text(max_size=3), max_size=6).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=80) | st.lists(soup, max_size=5).map("\n".join))
def test_parse_reads_or_refuses_with_a_line_number(text: str) -> None:
    """No text makes it raise anything else."""
    try:
        policy = WitnessPolicy.parse(text)
    except MalformedNoteError as exc:
        assert re.match(r"line \d+: ", str(exc))  # noqa: PT017 both outcomes are asserted
    else:
        assert WitnessPolicy.parse(policy.format()).format() == policy.format()
