"""Reading the log: entries by filter, the newest checkpoint, proofs. Writing to a person's factors stands apart.

Proof sizes are checked against the newest checkpoint here, so that no request can make the tree look past its end.
Every query and every proof is an entry of the log before it is answered.
"""

from base64 import b64encode

from stepwarden.errors import InputError
from stepwarden.flow.answers import EntryQuery
from stepwarden.gateway import wire
from stepwarden.gateway.exchange import TEXT, Call, Reply


async def entries(call: Call) -> Reply:
    """GET /v1/log/entries"""
    query: wire.EntriesQuery = call.query
    reason = query.reason.strip()
    if reason and not (reason.isprintable() and any(map(str.isalnum, reason))):
        raise InputError("say why in words", field="reason")
    # Whoever may only audit says why before seeing what is personal; that a token is this person's is personal too.
    opened = bool(reason) or (call.key is not None and "read" in call.key.scopes)
    if not opened and (query.actor or query.ip):
        raise InputError("looking for a person or an address takes a reason", field="reason")
    page = await call.service.entries(
        EntryQuery(
            actor=query.actor,
            ip=query.ip,
            action=query.action,
            outcome=query.outcome,
            decision=query.decision,
            kind=query.kind,
            since=None if query.since is None else wire.microseconds(query.since),
            until=None if query.until is None else wire.microseconds(query.until),
            limit=query.limit,
            cursor=query.cursor,
            newest_first=query.order == "newest",
        ),
        by=call.by,
        opened=opened,
        reason=reason,
    )
    return Reply(wire.entries_answer(page))


async def checkpoint(call: Call) -> Reply:
    """GET /v1/log/checkpoint"""
    return Reply(call.service.checkpoint().encode(), media=TEXT)


def _size(call: Call) -> int:
    # The second line of a checkpoint is its size; the service wrote it, so it is well formed.
    return int(call.service.checkpoint().split("\n", 2)[1])


async def inclusion(call: Call) -> Reply:
    """GET /v1/log/proof/inclusion"""
    query: wire.InclusionQuery = call.query
    if query.size > _size(call):
        raise InputError("the log is not that long", field="size")
    if query.index >= query.size:
        raise InputError("index must be less than size", field="index")
    hashes = [b64encode(node).decode() for node in call.service.inclusion_proof(query.index, query.size)]
    await call.service.read_recorded(
        "log.proof", by=call.by, target=f"inclusion of {query.index} in {query.size}"
    )
    return Reply(wire.encode(wire.InclusionAnswer(index=query.index, size=query.size, hashes=hashes)))


async def consistency(call: Call) -> Reply:
    """GET /v1/log/proof/consistency"""
    query: wire.ConsistencyQuery = call.query
    if query.new > _size(call):
        raise InputError("the log is not that long", field="new")
    if not 1 <= query.old <= query.new:
        raise InputError("old must be at least 1 and at most new", field="old")
    hashes = [b64encode(node).decode() for node in call.service.consistency_proof(query.old, query.new)]
    await call.service.read_recorded(
        "log.proof", by=call.by, target=f"consistency of {query.old} and {query.new}"
    )
    return Reply(wire.encode(wire.ConsistencyAnswer(old=query.old, new=query.new, hashes=hashes)))
