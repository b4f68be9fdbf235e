"""One chapter of the report a method."""
