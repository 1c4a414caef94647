"""What a day of a campaign would bring: the world in which calls are answered or not, and dialers paced.

The dialer's own pacing (`core/pacing`) runs in it unchanged, in virtual time; so do its peers' rules, written anew.
No part of this dials: `callctl simulate campaign` and the benchmark use it.
"""
