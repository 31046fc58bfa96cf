"""Policy losses and advantages, one paper a file, pure."""
