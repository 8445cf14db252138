"""Put store and ranking together for `peerrec.recommender`: no clock, no lock, no thread."""
