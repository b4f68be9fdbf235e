"""The report's chapters, one file or a few for each method, all with the same face (`base.Chapter`)."""
