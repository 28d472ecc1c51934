import unittest

from shop.pricing import discount, total


class PricingTest(unittest.TestCase):
    def test_large_order_ships_free(self):
        assert total({"lamp": 2}, {"lamp": 3000}) == 6000

    def test_discount_is_rounded(self):
        assert discount(999, 10) == 899
