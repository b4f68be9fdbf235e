"""Published data sets: reading their rows, examples for the prompt, splits."""
