"""Programs of Turing machine imitation learning (TAIL), one module a task."""
