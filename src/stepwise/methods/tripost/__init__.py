"""TriPosT (arXiv 2310.13522): a small model is trained on its own attempts, criticised and corrected by others."""
