"""How problems are put and solutions written: sentences, programs, formulas, options; a module for each format."""
