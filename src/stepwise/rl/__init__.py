"""Training by reinforcement, for any method: `algorithms.get_algorithm` is the way in; policy and reward are yours."""
