"""What a completion's answer is, and whether two answers are the same; a module for each kind of answer."""
