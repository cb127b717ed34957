"""The building blocks that the stacks share."""
