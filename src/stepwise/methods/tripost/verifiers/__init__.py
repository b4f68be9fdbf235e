"""Scripted verifiers and improvers, one a task: start with ArithmeticVerifier or SortingVerifier."""
