"""RATIONALYST is trained to write the notes that were kept (section 3.2)."""
