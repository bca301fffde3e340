"""Where keys come from. Fetched when used, never at start, never printed."""
