"""How files of other tools become rows: reading them, naming their fields, turning records into rows, encoding them."""
