"""Contact lists: files read onto a campaign's list, and lists written to files. A part of the command line."""
