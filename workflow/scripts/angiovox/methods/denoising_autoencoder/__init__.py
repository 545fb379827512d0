"""The paper's method: network, training in bounded memory, and inference."""
