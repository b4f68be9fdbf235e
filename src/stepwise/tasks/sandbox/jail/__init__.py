"""The worker process that runs programs. It imports only the standard library and, relatively, this room."""
