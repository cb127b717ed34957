"""What is watched: lists of widgets, alarms and queries, and what is made of them (templates, pictures, pages)."""
