"""Find the final answer in a rollout, one module a way of stating it."""
