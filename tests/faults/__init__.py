"""A house on real parts under load, whose parts are killed, frozen and cut off; and the books that are kept of it."""
