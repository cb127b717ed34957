"""Message batches: created, followed, read, and charged once."""
