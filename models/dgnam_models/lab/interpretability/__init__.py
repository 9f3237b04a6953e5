"""How well pictures explain a unit: the machine interpretability score, and the same trials for people."""
