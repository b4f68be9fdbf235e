"""ReFT (arXiv 2401.08967): reinforced fine-tuning on checked answers, its baselines, votes and reranking."""
