"""Bad input, bad places and kills, of the whole program."""
