"""pluma: talk to language models and image models from a terminal."""

__version__ = "0.1.0"
