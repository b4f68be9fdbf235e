"""Building blocks of generated problems: expressions, stories, scripted solutions."""
