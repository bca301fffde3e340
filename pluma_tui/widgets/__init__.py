"""Widgets know values and say what happened."""
