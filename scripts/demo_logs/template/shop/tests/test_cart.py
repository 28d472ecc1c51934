import unittest

from shop.cart import Cart


class CartTest(unittest.TestCase):
    def test_adding_twice_counts_twice(self):
        cart = Cart()
        cart.add("mug")
        cart.add("mug", 2)
        assert cart.size() == 3

    def test_removed_item_is_gone(self):
        cart = Cart()
        cart.add("mug")
        cart.remove("mug")
        assert cart.size() == 0
