"""Speak `prp/1` without touching a socket: bytes come in, messages and effects go out."""
