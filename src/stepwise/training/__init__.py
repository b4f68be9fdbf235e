"""Supervised fine-tuning for all methods, in runs that resume after a kill: `sft.train` is the way in."""
