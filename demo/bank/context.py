"""What every page of the bank uses: the books, the sessions, the templates, and asking Stepwarden."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates

from demo.bank import feed, words
from demo.bank.accounts import Account, Books, euros
from demo.bank.sessions import SessionStore, web_of
from stepwarden.sdk import AsyncClient, Decision, Handle, StepUp

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Bank:
    """One running bank. ``origin`` is where browsers know it, ``stepwarden`` where they know Stepwarden.

    ``codes`` is the demonstration's file of enrolled authenticators.
    """

    books: Books
    store: SessionStore
    client: AsyncClient
    origin: str
    stepwarden: str
    codes: Path
    templates: Jinja2Templates

    @classmethod
    def open(cls, books: Books, client: AsyncClient, *, origin: str, stepwarden: str, codes: Path) -> "Bank":
        templates = Jinja2Templates(directory=HERE / "templates")
        templates.env.filters["euros"] = euros
        return cls(
            books=books,
            store=SessionStore(),
            client=client,
            origin=origin,
            stepwarden=stepwarden,
            codes=codes,
            templates=templates,
        )

    def account(self, request: Request) -> Account | None:
        actor = web_of(request.scope).session.actor
        return self.books[actor] if actor else None

    def page(self, request: Request, name: str, status: int = 200, **values: object) -> Response:
        """Render a template with what all of them show; a notice is shown once."""
        session = web_of(request.scope).session
        notice, session.notice = session.notice, ""
        shown = {"csrf": session.csrf, "account": self.account(request), "notice": notice, "page": name}
        answer = self.templates.TemplateResponse(request, f"{name}.html", shown | values, status_code=status)
        answer.headers["cache-control"] = "no-store"
        return answer

    def refuse(self, request: Request, action_words: str, decision: Decision) -> Response:
        return self.page(
            request,
            "refused",
            403,
            words=action_words,
            why=words.why(decision),
            risk=round(decision.risk * 100),
            outage=decision.outage,
            no_factor=isinstance(decision, StepUp),
        )


async def form_of(request: Request) -> dict[str, str] | None:
    """The form's text fields, or None where its CSRF token is not this session's."""
    form = await request.form(max_files=0, max_fields=20)
    fields = {key: value for key, value in form.items() if isinstance(value, str)}
    return fields if web_of(request.scope).session.is_csrf(fields.get("csrf")) else None


def handle_of(request: Request) -> Handle:
    found = request.scope["state"]["stepwarden"]
    if not isinstance(found, Handle):
        raise TypeError("StepwardenMiddleware must stand before this")
    return found


async def ask(
    request: Request,
    action: str,
    *,
    actor: str,
    parameters: Mapping[str, str | int | bool] | None = None,
    proved: tuple[str, ...] = (),
    grant: str = "",
) -> Decision:
    """Ask Stepwarden, closed in an outage, and show the answer on the demonstration's screen."""
    decision = await handle_of(request).attempt(
        action, actor=actor, parameters=parameters, proved=proved, grant=grant, on_outage="deny"
    )
    feed.decided(request.scope, actor, action, decision, again=bool(grant))
    return decision


def go(address: str) -> Response:
    return RedirectResponse(address, status_code=303, headers={"cache-control": "no-store"})


def by_script(request: Request) -> bool:
    """Whether the bank's own script asks, which shows what comes of it by itself."""
    return request.headers.get("accept") == "application/json"


def lead(request: Request, address: str) -> Response:
    """Go on there; a script is told where."""
    return JSONResponse({"go": address}) if by_script(request) else go(address)
