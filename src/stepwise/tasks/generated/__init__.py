"""What generated problems are made of: expressions, stories, scripted solutions."""
