"""A caller's way as the operator wrote it: walked in the terminal, and drawn."""
