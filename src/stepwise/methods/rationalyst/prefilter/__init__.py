"""Documents similar to reasoning data sets (section 3.1): `similarity` scores them, `threshold` selects."""
