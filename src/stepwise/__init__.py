"""Four published ways of teaching a language model to reason step by step, in one pipeline."""
