"""One run into an output folder: request, claim, index, plan, shards, commit."""
