"""The cart: what a customer is about to buy."""

MAX_LINES = 50


class Cart:
    """Items and how many of each."""

    def __init__(self):
        self.lines = {}

    def add(self, item, count=1):
        """Put `count` of an item into the cart."""
        if len(self.lines) >= MAX_LINES:
            raise ValueError("cart is full")
        self.lines[item] = self.lines.get(item, 0) + count

    def remove(self, item):
        """Take an item out."""
        self.lines.pop(item, None)

    def size(self):
        """How many pieces there are."""
        return sum(self.lines.values())
