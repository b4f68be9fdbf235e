"""RATIONALYST (arXiv 2410.01044): implicit rationales mined from text choose the next step of another model.

The rooms follow the paper's steps: `corpus`, `prefilter`, `mining`, `training`, `inference`. What is mined and filtered
is called a note; a note that passes the filter is a rationale.
"""
