"""Counts words. A method for the test that adds one."""
