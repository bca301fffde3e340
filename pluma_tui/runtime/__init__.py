"""The work: connections, turns, and the one place that puts the parts together."""
