"""What people look at: sample grids, evolution strips, tables, the report."""
