"""Dead letters: an index of those that Bronze holds, and what is made of them: mended, redriven, discarded."""
