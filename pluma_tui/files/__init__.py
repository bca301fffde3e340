"""The ground's only I/O: where things are, atomic writes, locks."""
