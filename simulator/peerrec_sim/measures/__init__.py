"""Measure a run: who was served how well, what attackers won, what it cost."""
