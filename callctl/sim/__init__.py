"""The virtual PBX, callers, agents and faults, in virtual time: the same core and loop, by the thousand."""
