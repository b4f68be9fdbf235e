"""Web text to clean documents of a token budget (section 3.1): `pipeline` is what the stage calls."""
