"""Documents near to reasoning data (section 3.1): `similarity` embeds, `threshold` chooses."""
