"""What a signed-in person does: see the balance, send money, change the mail address, read and export customers."""

import csv
import io
import logging
import re
from collections.abc import Mapping
from typing import assert_never

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from demo.bank.accounts import OrderError, parse_amount
from demo.bank.context import Bank, ask, by_script, form_of, handle_of, lead
from demo.bank.sessions import Order, Refusal, web_of
from demo.bank.stepping import CALLBACK, send_away
from demo.bank.words import what
from stepwarden.sdk import Allowed, Denied, Passed, SdkError, StepUp

_log = logging.getLogger(__name__)
_MAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,4}")


def routes(bank: Bank) -> APIRouter:
    router = APIRouter()

    @router.get("/account")
    async def account(request: Request) -> Response:
        return bank.page(request, "account")

    def transfer_page(request: Request, status: int = 200, wrong: str = "") -> Response:
        state = web_of(request.scope).session.state
        return bank.page(
            request,
            "transfer",
            status,
            wrong=wrong,
            people=bank.books.all(),
            state=state,
            stepwarden=bank.stepwarden,
            done=CALLBACK,
        )

    def wrong(request: Request, status: int, text: str) -> Response:
        return (
            JSONResponse({"wrong": text}, status)
            if by_script(request)
            else transfer_page(request, status, text)
        )

    @router.get("/transfer")
    async def transfer_form(request: Request) -> Response:
        return transfer_page(request)

    @router.post("/transfer")
    async def transfer(request: Request) -> Response:
        form = await form_of(request)
        if form is None:
            return wrong(request, 403, "This form was too old. Please try again.")
        try:
            cents = parse_amount(form.get("amount", ""))
            payee = bank.books.find_payee(form.get("payee", ""))
        except OrderError as exc:
            return wrong(request, 422, str(exc))
        # Named as the policy's words want them: "Transfer 12.50 EUR to ..." is what Stepwarden's page says.
        parameters: dict[str, str | int | bool] = {
            "amount": cents,
            "currency": "EUR",
            "to": bank.books.name_of(payee),
        }
        return await order(bank, request, "transfer", parameters)

    @router.get("/mail")
    async def mail_form(request: Request) -> Response:
        return bank.page(request, "mail", wrong="")

    @router.post("/mail")
    async def mail(request: Request) -> Response:
        form = await form_of(request)
        if form is None:
            return bank.page(request, "mail", 403, wrong="This form was too old. Please try again.")
        wanted = form.get("mail", "").strip()
        if not _MAIL.fullmatch(wanted):
            return bank.page(request, "mail", 422, wrong="Please write a mail address.")
        return await order(bank, request, "mail.change", {"mail": wanted})

    @router.get("/customers")
    async def customers(request: Request) -> Response:
        if not _is_employee(bank, request):
            return bank.page(request, "not_yours", 403)
        return bank.page(request, "customers", people=bank.books.all())

    @router.get("/customers/export.csv")
    async def export(request: Request) -> Response:
        if not _is_employee(bank, request):
            return bank.page(request, "not_yours", 403)
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["user", "name", "mail", "balance"])
        writer.writerows([a.user, a.name, a.mail, f"{a.cents / 100:.2f}"] for a in bank.books.all())
        headers = {
            "content-disposition": 'attachment; filename="customers.csv"',
            "cache-control": "no-store",
        }
        return Response(text.getvalue(), media_type="text/csv", headers=headers)

    return router


def _is_employee(bank: Bank, request: Request) -> bool:
    account = bank.account(request)
    return account is not None and account.role == "employee"


async def order(
    bank: Bank,
    request: Request,
    action: str,
    parameters: Mapping[str, str | int | bool],
    passed: Passed | None = None,
) -> Response:
    """Ask, with the grant where it was proved, and carry the order out if it is allowed."""
    web = web_of(request.scope)
    actor = web.session.actor
    grant = passed.grant if passed else ""
    decision = await ask(request, action, actor=actor, parameters=parameters, grant=grant)
    match decision:
        case Allowed():
            done, web.session.notice = _carry_out(bank, actor, action, parameters)
            await _report(request, decision.id, done, passed)
            return lead(request, "/account")
        case StepUp():
            return send_away(
                bank, request, decision, Order(action=action, actor=actor, parameters=dict(parameters))
            )
        case Denied():
            words = what(action, parameters)
            if by_script(request):
                web.session.refusal = Refusal(words=words, decision=decision)
                return lead(request, "/refused")
            return bank.refuse(request, words, decision)
        case _:
            assert_never(decision)


async def _report(request: Request, attempt: str, done: bool, passed: Passed | None) -> None:
    """How it ended; after a proof the session goes on under the id that came with it."""
    web = web_of(request.scope)
    fresh = passed.session if passed and done else ""
    try:
        await handle_of(request).report(attempt, "success" if done else "failure", session=fresh)
    except SdkError as exc:
        # The decision is in the log and the order is carried out: only its outcome is missing. Stepwarden has not
        # heard of the new id, so the old one has to do.
        _log.warning("an outcome could not be reported: %s", exc)
        fresh = ""
    if passed:
        web.move(fresh)


def _carry_out(
    bank: Bank, actor: str, action: str, parameters: Mapping[str, str | int | bool]
) -> tuple[bool, str]:
    if action == "mail.change":
        bank.books[actor].mail = str(parameters["mail"])
        return True, "Your mail address is changed."
    try:
        payee = bank.books.find_payee(str(parameters["to"]))
        bank.books.transfer(actor, payee, int(parameters["amount"]))
    except OrderError as exc:
        return False, str(exc)
    return True, f"Done: {what(action, parameters)}."
