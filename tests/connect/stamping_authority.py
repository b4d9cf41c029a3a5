"""A time-stamping authority of our own: certificates made here, stamps by Debian's ``openssl ts``, over real HTTP."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY = "1.3.6.1.4.1.99999.1"
CONFIG = """
[tsa]
default_tsa = authority
[authority]
serial = {folder}/serial
signer_digest = sha256
default_policy = {policy}
digests = sha256, sha512
ess_cert_id_alg = sha256
ordering = no
"""
Key = ec.EllipticCurvePrivateKey


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: str,
    key: Key,
    issuer: str,
    issuer_key: Key,
    *,
    ca: bool,
    days: tuple[int, int],
    usage: bool = True,
) -> x509.Certificate:
    """A certificate that is valid from ``days[0]`` to ``days[1]``, counted from now."""
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
        .issuer_name(name_of(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if not ca and usage:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return made.sign(issuer_key, hashes.SHA256())


@dataclass
class StampingAuthority:
    """The files that ``openssl ts`` needs, and what the server does with a request."""

    folder: Path
    days: tuple[int, int] = (-1, 30)
    root_days: tuple[int, int] = (-1, 30)
    usage: bool = True
    behaviour: str = "good"
    url: str = ""
    queries: list[bytes] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root = certificate("a root", root_key, "a root", root_key, ca=True, days=self.root_days)
        leaf = certificate(
            "an authority", key, "a root", root_key, ca=False, days=self.days, usage=self.usage
        )
        self.roots = self.folder / "roots.pem"
        self.roots.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        (self.folder / "leaf.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        (self.folder / "leaf.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (self.folder / "serial").write_text("01\n")
        (self.folder / "tsa.cnf").write_text(CONFIG.format(folder=self.folder, policy=POLICY))

    def stamp(self, query: bytes) -> bytes:
        """What ``openssl ts`` answers to a query."""
        asked, told = self.folder / "query.tsq", self.folder / "reply.tsr"
        asked.write_bytes(query)
        files = ["-signer", self.folder / "leaf.pem", "-inkey", self.folder / "leaf.key"]
        subprocess.run(
            [
                "openssl",
                "ts",
                "-reply",
                "-config",
                self.folder / "tsa.cnf",
                "-section",
                "authority",
                "-queryfile",
                str(asked),
                "-out",
                str(told),
                *map(str, files),
            ],
            check=True,
            capture_output=True,
        )
        return told.read_bytes()

    def query(self, digest: bytes, *, nonce: bool = True) -> bytes:
        """A query that somebody else makes."""
        return subprocess.run(
            ["openssl", "ts", "-query", "-digest", digest.hex(), "-sha256", "-cert"]
            + ([] if nonce else ["-no_nonce"]),
            check=True,
            capture_output=True,
        ).stdout

    @contextmanager
    def served(self) -> Iterator["StampingAuthority"]:
        """Over HTTP, on a free port of the loopback interface."""
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = self.rfile.read(int(self.headers["content-length"]))
                authority.queries.append(query)
                authority.answer(self, query)

            def do_GET(self) -> None:
                self.send_error(405)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who gave up on us closed the socket
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}/stamp"
        try:
            yield self
        finally:
            self.release.set()
            server.shutdown()
            server.server_close()

    def answer(self, to: BaseHTTPRequestHandler, query: bytes) -> None:
        kind, status, body = "application/timestamp-reply", 200, b""
        match self.behaviour:
            case "good":
                body = self.stamp(query)
            case "replay":
                body = self.stamp(self.queries[0])
            case "other imprint":
                body = self.stamp(self.query(bytes(32)))
            case "no nonce":
                body = self.stamp(self.query(bytes(32), nonce=False))
            case "status 500":
                status, body = 500, b"sorry"
            case "huge":
                body = bytes(200_000)
            case "html":
                kind, body = "text/html", b"<p>welcome</p>"
            case "refused":
                body = self.stamp(b"this is no query")
            case "nothing":
                body = b""
            case "redirect":
                to.send_response(307)
                to.send_header("location", self.url.replace("/stamp", "/elsewhere"))
                self.behaviour = "good"
                to.send_header("content-length", "0")
                to.end_headers()
                return
            case "silent":
                self.release.wait(60)
                return
            case "drip":
                to.send_response(200)
                to.send_header("content-type", kind)
                to.send_header("content-length", "20000")
                to.end_headers()
                while not self.release.wait(0.05):
                    to.wfile.write(b"\x30")
                    to.wfile.flush()
                return
            case _:
                raise ValueError(self.behaviour)
        to.send_response(status)
        to.send_header("content-type", kind)
        to.send_header("content-length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)


def now() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1_000
