"""RATIONALYST (arXiv 2410.01044): implicit rationales mined from text choose the next step of another model."""
