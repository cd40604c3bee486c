"""The full form of a simulation: whole generations through an ordinary Stepmark. Web and worker are real
processes, problems come in by the importer, labelers sign in and use the desk's own endpoints, rounds
train, score, validate, select and queue, and every model is judged on an evaluation set."""
