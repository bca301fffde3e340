"""The embedded default: small models, and llama.cpp's own server as a child process."""
