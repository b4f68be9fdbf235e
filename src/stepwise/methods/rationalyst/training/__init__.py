"""RATIONALYST learns to write the notes that the filter kept (section 3.2); `train.train` is the way in."""
