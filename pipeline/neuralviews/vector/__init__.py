"""Compiled code whose every bit is stated: vector instructions, and the cache of what was compiled."""
