"""Supervised fine-tuning that survives a kill: `sft` is the way in."""
