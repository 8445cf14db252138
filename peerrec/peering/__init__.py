"""Join protocol, store and ranking for one peer: the parts of `peerrec.node.Node`."""
