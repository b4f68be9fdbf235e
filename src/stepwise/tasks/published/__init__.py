"""Building blocks of tasks from published data sets: rows, splits, choices, hand-written few-shot examples."""
