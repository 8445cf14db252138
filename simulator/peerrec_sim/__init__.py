"""Simulate networks of peerrec nodes and their attackers; evaluate rankers on real data."""
