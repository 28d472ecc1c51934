"""A very small shop: carts, orders, prices and stock."""
