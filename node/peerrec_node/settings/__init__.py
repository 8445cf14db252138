"""Settings of the daemon: where they come from, what is allowed, what they become.

`schema` says what there is, `profiles` which defaults go together, `layers` who wins
where several say something, `live` what a running daemon takes up at once.
"""
