"""The inside of the transformers backend: batching, caches, the decoding loop (`decoding.decode`) and scoring."""
