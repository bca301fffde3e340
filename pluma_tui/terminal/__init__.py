"""The terminal beside its cells: what it answers, its clipboard, its bell, and tmux around it."""
