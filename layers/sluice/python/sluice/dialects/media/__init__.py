"""What the formats for pictures and sound have in common; each format is a module of its own beside this folder."""
