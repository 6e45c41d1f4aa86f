"""What the target is trained by: its labels, and what a source teaches it."""
