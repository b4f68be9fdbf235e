"""A task's splits, written as files of problems and compared with each other; `prepare.prepare` is the way in."""
