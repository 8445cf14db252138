"""The daemon and the command line: everything of peerrec that touches the outside."""
