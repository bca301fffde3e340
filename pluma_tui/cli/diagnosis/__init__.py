"""What `pluma doctor` looks at, a room of the machine a file."""
