"""Reinforcement learning of a policy by a reward, for any method: `algorithms.get_algorithm` is the way in."""
