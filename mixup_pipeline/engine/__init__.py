"""Running on Beam: the graph of steps (`graph`), options and checks of an engine, one job from start to end (`job`)."""
