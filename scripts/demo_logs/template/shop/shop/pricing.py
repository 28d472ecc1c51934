"""Prices in cents."""

FREE_SHIPPING_FROM = 5000
SHIPPING = 490


def total(lines, prices):
    """What the lines cost, shipping included."""
    goods = sum(prices[item] * count for item, count in lines.items())
    return goods if goods >= FREE_SHIPPING_FROM else goods + SHIPPING


def discount(amount, percent):
    """The amount less some percent, rounded to a cent."""
    return round(amount * (100 - percent) / 100)
