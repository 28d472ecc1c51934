import unittest

from shop import stock


class StockTest(unittest.TestCase):
    def test_taking_lowers_the_count(self):
        assert stock.take({"mug": 3}, "mug", 2) == {"mug": 1}

    def test_low_items_are_named(self):
        assert stock.low({"mug": 3, "lamp": 9}) == ["mug"]
