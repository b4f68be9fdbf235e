"""How a solution is written down: program, formula, sentences, choice of an option."""
