"""Signing by a real ssh-agent, and by what only says that it is one."""

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepwarden.connect.ssh_agent import AgentSigner, SshAgent, agent_signer
from stepwarden.errors import SignerError
from stepwarden.ledger.note import open_note, sign_note

ORIGIN = "log.example/agent"
TOOLS = ("ssh-agent", "ssh-add", "ssh-keygen")
needs_openssh = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS),
    reason=f"OpenSSH's {', '.join(TOOLS)} are not installed",
)


class Agent:
    """An ssh-agent of the test's own, with one Ed25519 key and one of another type."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "agent.sock"
        self.folder = folder
        self.start()
        for kind, name in (("ed25519", "log"), ("ecdsa", "other")):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(folder / name)], check=True
            )
            self.add("-q", str(folder / name))

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["ssh-agent", "-D", "-a", str(self.path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not self.path.exists():
            assert self.process.poll() is None

    def add(self, *arguments: str) -> None:
        subprocess.run(
            ["ssh-add", *arguments],
            check=True,
            env={**os.environ, "SSH_AUTH_SOCK": str(self.path)},
            stderr=-3,
        )

    def stop(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.path.unlink(missing_ok=True)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path)
    yield agent
    agent.stop()


@needs_openssh
def test_a_note_signed_by_the_agent_is_like_any_other(real: Agent) -> None:
    """Found by comment, by fingerprint and as the only one; the signature verifies as ours do."""
    agent = SshAgent(str(real.path))
    (identity,) = agent.identities()
    assert identity.comment == "log"
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(real.folder / "log.pub")], capture_output=True, text=True, check=True
    ).stdout
    assert identity.fingerprint in shown
    for wanted in ("", "log", identity.fingerprint):
        signer = agent_signer(agent, ORIGIN, wanted)
        assert open_note(sign_note("the door is open\n", [signer]), [signer.verifier]) == "the door is open\n"
    with pytest.raises(SignerError, match="no key 'other'"):
        agent_signer(agent, ORIGIN, "other")


@needs_openssh
def test_a_killed_agent_signs_nothing_and_one_that_is_back_signs_again(real: Agent) -> None:
    """The error says what to do; a new agent under the same path is found without a new start."""
    signer = agent_signer(SshAgent(str(real.path)), ORIGIN, "")
    signer.sign(b"one")
    real.stop()
    with pytest.raises(SignerError, match="out of reach"):
        signer.sign(b"two")
    real.start()
    with pytest.raises(SignerError, match="lacks the log's key"):
        signer.sign(b"three")
    real.add("-q", str(real.folder / "log"))
    assert signer.verifier.verify(b"four", signer.sign(b"four"))


class Liar:
    """Listens as an agent does, and answers with what it is told to."""

    def __init__(self, path: Path, answer: Callable[[bytes], bytes]) -> None:
        self.path = path
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                with client, contextlib.suppress(OSError):
                    while data := client.recv(65_536):
                        client.sendall(self._answer(data))

    def close(self) -> None:
        # shutdown ends the accept that the thread waits in; close alone would not
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.path.unlink()


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def test_an_agent_that_signs_with_another_key_signs_nothing(tmp_path: Path) -> None:
    """A well-formed signature that is not by the log's key never reaches a checkpoint."""
    answer = string(bytes([14]) + string(string(b"ssh-ed25519") + string(bytes(64))))
    liar = Liar(tmp_path / "liar.sock", lambda _: answer)
    signer = AgentSigner(
        SshAgent(str(liar.path)),
        ORIGIN,
        bytes.fromhex("3b6a27bc" + "ceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"),
    )
    with pytest.raises(SignerError, match="another key"):
        signer.sign(b"message")
    liar.close()


def test_a_silent_agent_does_not_hold_the_log_for_ever(tmp_path: Path) -> None:
    """An answer that does not come in time is an error like any other."""
    liar = Liar(tmp_path / "silent.sock", lambda _: b"")
    with pytest.raises(SignerError, match="did not answer"):
        SshAgent(str(liar.path), seconds=0.05).identities()
    liar.close()


def test_an_agent_that_drips_does_not_hold_the_log_for_ever(tmp_path: Path) -> None:
    """Each byte comes in time, and the answer never does: the time is for all of it."""
    path, sent = tmp_path / "drip.sock", 0
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def drip() -> None:
        nonlocal sent
        client, _ = listener.accept()
        with client, contextlib.suppress(OSError):
            for byte in struct.pack(">I", 100) + bytes(100):
                client.sendall(bytes([byte]))
                sent += 1
                threading.Event().wait(0.02)

    threading.Thread(target=drip, daemon=True).start()
    with pytest.raises(SignerError, match="did not answer"):
        SshAgent(str(path), seconds=0.2).identities()
    assert sent < 100
    listener.close()


def test_what_an_agent_calls_its_keys_does_not_steer_the_terminal(tmp_path: Path) -> None:
    """A comment is somebody else's text, and stands in a message."""
    key = string(b"ssh-ed25519") + string(bytes(32))
    answer = string(bytes([12]) + struct.pack(">I", 1) + string(key) + string(b"\x1b[2Jgood key"))
    liar = Liar(tmp_path / "escape.sock", lambda _: answer)
    with pytest.raises(SignerError, match="good key") as caught:
        SshAgent(str(liar.path)).find("another")
    assert str(caught.value).isprintable()
    liar.close()


def test_no_agent_is_said_to_be_none(tmp_path: Path) -> None:
    """No path, no socket there, a file in its place."""
    with pytest.raises(SignerError, match="SSH_AUTH_SOCK"):
        SshAgent("")
    with pytest.raises(SignerError, match="out of reach"):
        SshAgent(str(tmp_path / "none")).identities()
    (tmp_path / "file").write_text("")
    with pytest.raises(SignerError, match="no socket of ours"):
        SshAgent(str(tmp_path / "file")).identities()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.binary(max_size=60) | st.binary(max_size=60).map(lambda body: string(bytes([12]) + body)))
def test_no_answer_raises_anything_else(tmp_path: Path, data: bytes) -> None:
    """Whatever listens at the socket: identities, or a SignerError."""
    liar = Liar(tmp_path / "fuzz.sock", lambda _: data + b"\0\0\0\0")
    agent = SshAgent(str(liar.path), seconds=0.2)
    with contextlib.suppress(SignerError):
        agent.identities()
    with pytest.raises(SignerError):
        agent.sign(bytes(32), b"message")
    agent.close()
    liar.close()
