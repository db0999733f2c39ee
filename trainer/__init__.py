"""The proof: an embedder is trained on a release; torch is imported only where a model is trained or used."""
