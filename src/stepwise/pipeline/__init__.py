"""`make repro`: `repro` brings stages up to date, `scheduler` runs them side by side, `check_results` compares."""
