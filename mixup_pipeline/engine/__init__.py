"""Running the pipeline on Beam: the graph, the options of engines, and a job from submission to its end."""
