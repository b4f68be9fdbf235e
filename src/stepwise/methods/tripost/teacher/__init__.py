"""A language model as verifier and improver, from examples in its prompt (the paper's FBK and IMP)."""
