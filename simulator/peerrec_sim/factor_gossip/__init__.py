"""Let a thousand one-user nodes exchange factor tables, without packets or time."""
