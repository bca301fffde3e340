"""Screens decide."""
