import unittest

from shop import orders
from shop.cart import Cart


class OrdersTest(unittest.TestCase):
    def test_small_order_pays_shipping(self):
        cart = Cart()
        cart.add("mug")
        assert orders.place(cart, {"mug": 900})["total"] == 1390

    def test_sent_is_the_last_state(self):
        assert orders.advance({"state": "sent"})["state"] == "sent"
