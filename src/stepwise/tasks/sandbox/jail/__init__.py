"""The worker process that runs programs. Standard library only; imports are relative, as it loads this folder alone."""
