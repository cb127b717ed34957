"""One module per stack; a region has one of each."""
