"""Notes written between the sentences of documents (section 3.1); `mine.mine` is the way in."""
