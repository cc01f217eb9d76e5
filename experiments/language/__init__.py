"""Networks that read: the language systems of the courses, trained on real data."""
