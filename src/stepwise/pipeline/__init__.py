"""`make repro` and `make check-results`; `repro` is the way in, and `scheduler` runs independent stages in parallel."""
