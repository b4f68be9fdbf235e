"""Scripted verifiers and improvers, one a task: start with DateVerifier, the simplest."""
