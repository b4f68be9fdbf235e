"""Notes written between the sentences of documents (section 3.1): `mine` is what the stage calls."""
