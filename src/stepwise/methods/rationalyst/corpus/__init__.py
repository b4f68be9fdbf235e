"""From web text to clean documents of a token budget (section 3.1); `pipeline.chunk` is the way in."""
