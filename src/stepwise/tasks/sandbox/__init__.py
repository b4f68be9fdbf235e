"""Runs model-written programs where they can do no harm; `programs.run_programs` is the way in."""
