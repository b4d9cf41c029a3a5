"""Risk from score: the logistic function, the same on every machine.

>>> risk_of(0), risk_of(-3000), risk_of(2197)
(500000, 47426, 899980)

``score`` is in thousandths of a nat of log-odds, risk in parts per million: 1e6 / (1 + exp(-score / 1000)),
rounded. It is computed in decimal arithmetic, which rounds exactly, because a decision must come out the
same when it is recomputed elsewhere and ``math.exp`` is the platform's. At most 32,001 results are
remembered.
"""

from decimal import Context, Decimal

LIMIT = 16_000
"""Beyond it the risk is 0 or 1,000,000 anyway."""

_context = Context(prec=30)
_known: dict[int, int] = {}


def risk_of(score: int) -> int:
    """Parts per million, 0 to 1,000,000; never falls while the score rises."""
    bounded = max(-LIMIT, min(LIMIT, score))
    risk = _known.get(bounded)
    if risk is None:
        power = _context.exp(_context.divide(Decimal(-bounded), Decimal(1000)))
        odds = _context.divide(Decimal(1_000_000), _context.add(Decimal(1), power))
        risk = _known[bounded] = int(odds.to_integral_value(context=_context))
    return risk
