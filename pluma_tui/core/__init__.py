"""Ground floor: values and words. No I/O, no framework."""
