"""The loop around the core: inbox, deadlines, and the ports that adapters fulfil."""
