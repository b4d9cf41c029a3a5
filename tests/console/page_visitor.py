"""A browser as far as the pages can tell: it keeps cookies, follows redirects on our own site, and fills in forms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import count
from urllib.parse import urlencode, urlsplit

from stepwarden.console.site import Site
from tests.console.fake_flow import NOW, FakeAccount, FakePages

WARDEN = "https://warden.example.com"
SHOP = "https://shop.example.com"
KEY = b"k" * 32
BACK = f"return_to={SHOP}%2Fdone%3Fcart%3D1&state=st-1"
VOID = frozenset({"meta", "link", "input", "path", "br"})


@dataclass(frozen=True)
class Form:
    """One form of a page: where it goes, and its fields as they are at first."""

    action: str
    fields: Mapping[str, str]


class Page(HTMLParser):
    """What was found on a page. Fails on a tag that is not closed, or closed twice."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.forms: list[Form] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert len(found) == len(attrs), f"an attribute twice in {tag}"
        self.tags.append((tag, found))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "form":
            self.forms.append(Form(found["action"], {}))
        if tag == "input" and "name" in found and found.get("type") != "checkbox" and "form" in self._open:
            fields = self.forms[-1].fields
            assert isinstance(fields, dict)
            fields[found["name"]] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each tag of this name."""
        return [found for name, found in self.tags if name == tag]

    def form(self, end: str, **fields: str) -> Form:
        """The form whose path ends so, and whose fields have these values."""
        for one in self.forms:
            if urlsplit(one.action).path.endswith(end) and fields.items() <= one.fields.items():
                return one
        raise AssertionError(f"no form for {end}: {[one.action for one in self.forms]}")


@dataclass(frozen=True)
class Answer:
    """One answer. ``headers`` with lower-case names; of several of one name the last (cookies: see the visitor)."""

    status: int
    body: str
    media: str
    headers: Mapping[str, str]

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    @property
    def page(self) -> Page:
        return Page(self.body)


@dataclass
class Visitor:
    """``extra`` goes along with every request, in place of what a browser would send."""

    site: Site
    cookies: dict[str, str] = field(default_factory=dict)
    extra: dict[str, str | None] = field(default_factory=dict)
    last: str = ""

    async def get(self, url: str, **headers: str) -> Answer:
        """Open an address of ours."""
        return await self._ask("GET", url, b"", headers)

    async def post(self, url: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """Send a form, as browsers do for a page without referrer: with ``Origin: null``."""
        sent = {"origin": "null", "sec_fetch_site": "same-origin"} | headers
        return await self._ask("POST", url, urlencode(fields).encode(), sent)

    async def submit(self, form: Form, **fields: str) -> Answer:
        """Fill in a form of a page, and send it."""
        return await self.post(form.action, {**form.fields, **fields})

    async def follow(self, answer: Answer) -> Answer:
        """Go on while it leads to a page of ours."""
        while answer.status == 303 and answer.location.startswith("/"):
            answer = await self.get(answer.location)
        return answer

    async def _ask(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        path, _, query = url.removeprefix(WARDEN).partition("#")[0].partition("?")
        name, segments = _route(method, path)
        self.last = url
        told: dict[str, str | None] = {
            "cookie": "; ".join(f"{one}={value}" for one, value in self.cookies.items()) or None,
            "user-agent": "Mozilla/5.0",
            "accept": "text/html",
            **{one.replace("_", "-"): value for one, value in headers.items()},
            **self.extra,
        }
        status, content, media, found = await self.site.visit(
            name,
            segments=segments,
            query=query.encode(),
            body=body,
            headers={
                one.encode(): value.encode("latin-1") for one, value in told.items() if value is not None
            },
            peer="192.0.2.1",
        )
        for one, value in found:
            if one == b"set-cookie":
                self._keep(value.decode())
        answered = {one.decode(): value.decode() for one, value in found}
        return Answer(status, content.decode(), media.decode(), answered)

    def _keep(self, cookie: str) -> None:
        pair, _, rest = cookie.partition("; ")
        name, _, value = pair.partition("=")
        if "Max-Age=0" in rest:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value


def _route(method: str, path: str) -> tuple[str, tuple[str, ...]]:
    parts = path.split("/")
    for wanted, pattern, name in Site.routes:
        places = pattern.split("/")
        fits = len(places) == len(parts) and all(
            place.startswith("{") or place == part for place, part in zip(places, parts, strict=True)
        )
        if fits and wanted == method:
            found = zip(places, parts, strict=True)
            return name, tuple(part for place, part in found if place.startswith("{"))
    raise AssertionError(f"no route for {method} {path}")


class House:
    """A site with its fake flow, and visitors to it. ``now`` may be moved."""

    def __init__(self, **settings: object) -> None:
        self.now = NOW
        self.pages = FakePages()
        self.account = FakeAccount(self.pages)
        self._made = count(1)
        values: dict[str, object] = {
            "public_url": WARDEN,
            "apps": (SHOP, "https://pay.example.com:8443"),
            "issuer": "Example Bank",
            "provider": "Keycloak",
            "key": KEY,
            "clock": lambda: self.now,
            "entropy": lambda size: next(self._made).to_bytes(size, "big"),
        }
        self.site = Site(self.pages, self.account, **(values | settings))  # type: ignore[arg-type]

    def visitor(self) -> Visitor:
        """A browser that was never here."""
        return Visitor(self.site)

    async def entered(self) -> Visitor:
        """A browser on the security page."""
        visitor = self.visitor()
        answer = await visitor.follow(await visitor.get("/account?ticket=ticket-1"))
        assert answer.status == 200, answer.location
        return visitor
