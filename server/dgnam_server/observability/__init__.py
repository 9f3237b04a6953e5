"""How a server is seen from outside: its log and its metrics."""
