"""What a signed-in person does: see the balance, send money, change the mail address, read and export customers."""

import csv
import io
import logging
import re
from collections.abc import Mapping
from typing import assert_never

from fastapi import APIRouter, Request
from fastapi.responses import Response

from demo.bank.accounts import OrderError, parse_amount
from demo.bank.context import Bank, ask, await_code, form_of, go, handle_of
from demo.bank.sessions import web_of
from demo.bank.words import what
from stepwarden.sdk import Allowed, Denied, SdkError, StepUp

_log = logging.getLogger(__name__)
_MAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,4}")


def routes(bank: Bank) -> APIRouter:
    router = APIRouter()

    @router.get("/account")
    async def account(request: Request) -> Response:
        return bank.page(request, "account")

    @router.get("/transfer")
    async def transfer_form(request: Request) -> Response:
        return bank.page(request, "transfer", wrong="", people=bank.books.all())

    @router.post("/transfer")
    async def transfer(request: Request) -> Response:
        form = await form_of(request)
        if form is None:
            return bank.page(
                request, "transfer", 403, wrong="This form was too old.", people=bank.books.all()
            )
        try:
            cents = parse_amount(form.get("amount", ""))
            payee = bank.books.find_payee(form.get("payee", ""))
        except OrderError as exc:
            return bank.page(request, "transfer", 422, wrong=str(exc), people=bank.books.all())
        return await order(bank, request, "transfer", {"cents": cents, "payee": payee})

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
    *,
    grant: str = "",
) -> Response:
    """Ask, with a grant where a code was given, and carry the order out if it is allowed."""
    web = web_of(request.scope)
    actor = web.session.actor
    decision = await ask(request, action, actor=actor, parameters=parameters, grant=grant)
    match decision:
        case Allowed():
            done = _carry_out(bank, web.session.actor, action, parameters)
            try:
                await handle_of(request).report(decision.id, "success" if done[0] else "failure")
            except SdkError as exc:
                # The decision is in the log and the order is carried out: only its outcome is missing.
                _log.warning("an outcome could not be reported: %s", exc)
            web.session.notice = done[1]
            return go("/account")
        case StepUp():
            return go(await_code(bank, web, decision, action, actor=actor, parameters=parameters))
        case Denied():
            return bank.refuse(request, what(bank.books, action, parameters), decision)
        case _:
            assert_never(decision)


def _carry_out(
    bank: Bank, actor: str, action: str, parameters: Mapping[str, str | int | bool]
) -> tuple[bool, str]:
    if action == "mail.change":
        bank.books[actor].mail = str(parameters["mail"])
        return True, "Your mail address is changed."
    try:
        bank.books.transfer(actor, str(parameters["payee"]), int(parameters["cents"]))
    except OrderError as exc:
        return False, str(exc)
    return True, f"Done: {what(bank.books, action, parameters)}."
