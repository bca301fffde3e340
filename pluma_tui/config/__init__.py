"""Settings: read by tomllib into typed values; problems are collected, not raised."""
