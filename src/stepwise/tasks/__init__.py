"""Tasks: problems, how they are put to a model, and when an answer is right; `registry.get_task` is the way in."""
