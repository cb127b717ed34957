"""A rehearsal of a deployment on emulated AWS. It is no part of the app, so it may use the local stack's parts."""
