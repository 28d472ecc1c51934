"""Orders: a cart that was paid."""

from shop.pricing import total

STATES = ("open", "paid", "sent")


def place(cart, prices):
    """An open order for what is in the cart."""
    return {"state": "open", "lines": dict(cart.lines), "total": total(cart.lines, prices)}


def advance(order):
    """The order in its next state."""
    index = STATES.index(order["state"])
    return {**order, "state": STATES[min(index + 1, len(STATES) - 1)]}
