"""The proof: a release as training data, without torch until a model is trained."""
