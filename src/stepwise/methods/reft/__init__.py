"""ReFT (arXiv 2401.08967): reinforcement on checked answers after a warm-up."""
