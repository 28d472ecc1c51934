"""Stock: how many pieces lie on the shelf."""

SEED = {"mug": 40, "lamp": 12, "chair": 6}
LOW = 5


def take(stock, item, count):
    """The stock after `count` pieces left."""
    if stock.get(item, 0) < count:
        raise ValueError(f"not enough {item}")
    return {**stock, item: stock[item] - count}


def low(stock):
    """Items that should be ordered again."""
    return sorted(item for item, count in stock.items() if count <= LOW)
