"""The decoding loop of the transformers backend: batching, caches, sampling, scoring."""
