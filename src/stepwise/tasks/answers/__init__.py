"""What a completion answers, and whether two answers are the same: numbers, words, choices, LaTeX."""
