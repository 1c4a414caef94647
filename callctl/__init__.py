"""callctl: call control beside an Asterisk PBX. The map is callctl/README.md."""

__version__ = "0.1.0"
