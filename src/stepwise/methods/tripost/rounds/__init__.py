"""A round of TriPosT: collecting trajectories, editing them, and training on what comes out."""
