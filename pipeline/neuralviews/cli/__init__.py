"""The command line: one small file per command; heavy libraries are imported inside commands only."""
