"""One run, which writes one output folder: request, claim, index, plan, shards, commit."""
