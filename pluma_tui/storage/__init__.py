"""Conversations that are never lost."""
