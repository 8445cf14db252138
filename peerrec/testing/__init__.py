"""Test your own parts against the same claims as peerrec's: the public test kit."""
