"""What a training does between its steps: ends a transfer, stores itself, checks."""
