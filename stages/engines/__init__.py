"""How rollouts are made, one module an engine."""
