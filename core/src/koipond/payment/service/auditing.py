"""What must hold of payments: I4, as far as our own books tell."""

from koipond.kernel.context import Context
from koipond.kernel.ids import PaymentId, encode
from koipond.kernel.invariants import Finding
from koipond.payment import repository

_LOOK = "Compare with the provider's own record of it; `order(id:)` tells ours"


async def audit(ctx: Context) -> list[Finding]:
    """Return what is wrong with payments: I4, for `kernel.invariants.run_audits`."""
    async with ctx.reading() as db:
        problems = [
            (key, "refunded <= captured <= authorised <= amount does not hold")
            for key in await repository.find_miscounted(db)
        ]
        problems += [
            (key, f"{counted} are counted as given back, its refunds sum to {found}")
            for key, counted, found in await repository.find_misrefunded(db)
        ]
        problems += [
            (key, f"what went back of its part {part} is not what its refunds sum to")
            for key, part in await repository.find_uneven_parts(db)
        ]
    return [
        Finding(invariant="I4", problem=f"payment {encode(PaymentId, key)}: {problem}", fix=_LOOK)
        for key, problem in problems
    ]
