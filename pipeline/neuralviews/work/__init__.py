"""The making of stores by several processes: shards shared out, progress counted, workers that die."""
