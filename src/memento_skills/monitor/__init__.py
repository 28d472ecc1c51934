"""Monitor: promotion + runs -> health."""
