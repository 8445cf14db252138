"""Rank on the device: interaction graph, merit, walks, recommendations. Arrays in, arrays out."""
