"""The HTTP API of a running daemon: for apps on the same machine, and for the dashboard."""
