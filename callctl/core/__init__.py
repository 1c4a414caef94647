"""The pure core: decides, and does nothing. No asyncio, no I/O, no clock, no entropy, no logging."""
